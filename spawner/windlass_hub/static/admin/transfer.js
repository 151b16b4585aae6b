/** The catalogue as a YAML file: out as it is kept, in after a look at what it would change. */
import { button, h, newId } from './dom.js';
import { Problem } from './api.js';
import { openDialog } from './dialogs.js';
import { listFindings } from './findings.js';
import { precondition, putInForce } from './in_force.js';
import { changeList } from './states.js';

/** @typedef {import('./main.js').Page} Page */

/** The buttons for both. @param {Page} page @returns {HTMLElement[]} */
export function transferButtons(page) {
  const out = button('Export YAML', () => void exportYaml(page));
  return page.mayEdit ? [out, button('Import YAML…', () => importYaml(page))] : [out];
}

/** @param {Page} page */
async function exportYaml(page) {
  try {
    const text = await page.api.ask('api/admin/catalogue/yaml');
    const address = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
    h('a', { href: address, download: 'windlass-profiles.yaml' }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  } catch (error) {
    page.tell(error instanceof Error ? error.message : String(error), 'danger');
  }
}

/** Ask for a catalogue as text, `given` to begin with. @param {Page} page @param {string} [given] */
export function importYaml(page, given = '') {
  if (page.draft.isChanged) {
    page.tell('You have changes that are not saved: save or discard them before an import.', 'warning');
    return;
  }
  const file = h('input', {
    type: 'file',
    class: 'form-control form-control-sm',
    id: newId(),
    accept: '.yaml,.yml,.json',
    onchange: () => void read()
  });
  const text = h('textarea', {
    class: 'form-control form-control-sm wl-yaml',
    rows: 10,
    value: given,
    id: newId(),
    spellcheck: 'false'
  });
  const note = h('input', {
    type: 'text',
    class: 'form-control form-control-sm',
    id: newId(),
    maxlength: 500
  });
  const found = h('div', { role: 'status' });
  const read = async () => {
    const chosen = file.files?.[0];
    if (chosen) {
      text.value = await chosen.text();
      await look();
    }
  };
  const look = async () => {
    try {
      const told = await page.api.ask('api/admin/catalogue/yaml?dry_run=1', {
        method: 'PUT',
        text: text.value
      });
      found.replaceChildren(
        h('h3', { class: 'h6' }, 'It would change'),
        told.changes.length ? changeList(told.changes) : 'Nothing but the text.'
      );
    } catch (error) {
      found.replaceChildren(wrong(error));
    }
  };
  const act = () => {
    void bring(page, text.value, note.value, found, dialog);
    return false;
  };
  const dialog = openDialog({
    title: 'Import a catalogue',
    wide: true,
    body: [
      h('label', { for: file.id, class: 'form-label' }, 'A file'),
      file,
      h('label', { for: text.id, class: 'form-label' }, 'or its text, kept with its comments'),
      text,
      button('What would change?', () => void look()),
      found,
      h('label', { for: note.id, class: 'form-label' }, 'Why (shown in the history)'),
      note
    ],
    actions: [{ label: 'Put it in force', kind: 'btn-warning', act }]
  });
}

/** @param {Page} page @param {string} text @param {string} note @param {HTMLElement} found @param {import('./in_force.js').Dialog} dialog */
async function bring(page, text, note, found, dialog) {
  const query = new URLSearchParams(note ? { note } : {});
  const headers = precondition(page.draft.revision);
  await putInForce(page, {
    dialog,
    done: 'Imported: the next server has it.',
    send: () => page.api.ask(`api/admin/catalogue/yaml?${query}`, { method: 'PUT', text, headers }),
    failed: error => found.replaceChildren(wrong(error))
  });
}

/** @param {unknown} error */
function wrong(error) {
  const fields =
    error instanceof Problem ? error.fields.map(({ field, message }) => ({ path: field, message })) : [];
  const words = error instanceof Error ? error.message : String(error);
  return h(
    'div',
    { class: 'alert alert-danger' },
    fields.length ? listFindings(fields, path => path) : words
  );
}
