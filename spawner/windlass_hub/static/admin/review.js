/** The question before a save: what would change, why, and, when somebody else was quicker, how to go on. */
import { h, newId } from './dom.js';
import { openDialog } from './dialogs.js';
import { listFindings } from './findings.js';
import { precondition, putInForce } from './in_force.js';
import { changeList } from './states.js';

/** @typedef {import('./main.js').Page} Page */

/**
 * Show what would change, and save it when the user says so.
 *
 * @param {Page} page
 */
export async function review(page) {
  const { checks } = page;
  await checks.now();
  if (checks.failure) {
    page.tell(checks.failure, 'danger');
    return;
  }
  if (checks.problems.length) {
    const body = [
      h('p', {}, 'This keeps it from being saved:'),
      listFindings(checks.problems, path => page.named(path))
    ];
    let isShown = false;
    const act = () => {
      isShown = true;
    };
    openDialog({
      title: 'Something needs a correction',
      body,
      actions: [{ label: checks.problems.length > 1 ? 'Show the first' : 'Show it', act }],
      closeLabel: 'Go on editing',
      onclose: () => isShown && page.showProblem(checks.problems[0].path)
    });
    return;
  }
  const note = h('input', {
    type: 'text',
    class: 'form-control form-control-sm',
    id: newId(),
    maxlength: 500
  });
  const said = h('p', { class: 'wl-bad', role: 'alert' });
  const dialog = openDialog({
    title: 'Save these changes?',
    body: [
      checks.changes.length ? changeList(checks.changes) : h('p', {}, 'Nothing that counts differs.'),
      h(
        'p',
        { class: 'wl-small' },
        'Servers that run keep what they have. Comments in the file are not kept; the text of now stays in the history.'
      ),
      h('label', { for: note.id, class: 'form-label' }, 'Why (shown in the history)'),
      note,
      said
    ],
    actions: [
      {
        label: 'Save',
        act: () => {
          void save(page, note.value, said, dialog);
          return false;
        }
      }
    ],
    closeLabel: 'Go on editing'
  });
  note.addEventListener('keydown', event => {
    if (event.key === 'Enter') {
      event.preventDefault();
      void save(page, note.value, said, dialog);
    }
  });
  note.focus();
}

/**
 * @param {Page} page
 * @param {string} note
 * @param {HTMLElement} said
 * @param {import('./in_force.js').Dialog} dialog
 */
async function save(page, note, said, dialog) {
  const { api, draft } = page;
  said.textContent = '';
  await putInForce(page, {
    dialog,
    done: 'Saved: the next server has it.',
    send: () =>
      api.ask('api/admin/catalogue', {
        method: 'PUT',
        json: { catalogue: draft.document, note, base: draft.base },
        headers: precondition(draft.revision)
      }),
    failed: error => {
      said.textContent = error instanceof Error ? error.message : String(error);
    }
  });
}
