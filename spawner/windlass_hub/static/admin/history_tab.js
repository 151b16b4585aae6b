/** The states the catalogue was in: who, when, why, what changed; and the way back to one. */
import { button, h, newId } from './dom.js';
import { openDialog } from './dialogs.js';
import { precondition, putInForce } from './in_force.js';
import { changeList, empty, loadInto, table } from './states.js';
import { time } from './words.js';

/** @typedef {import('./main.js').Page} Page */

export class HistoryTab {
  /** @param {Page} page */
  constructor(page) {
    this._page = page;
    this.element = h('div');
  }

  show() {
    const load = () => this._page.api.ask('api/admin/history');
    void loadInto(this.element, { load, show: found => this._shown(found) });
  }

  /** @param {any} found */
  _shown(found) {
    if (!found.versions.length) {
      return empty('Nothing was saved yet.');
    }
    const rows = found.versions.map((/** @type {any} */ version) => [
      [
        `${version.number} `,
        version.in_force ? h('span', { class: 'badge text-bg-success' }, 'in force') : null
      ],
      h('span', { class: 'wl-time' }, time(version.saved_at)),
      version.saved_by || 'by hand',
      [
        version.note ? h('div', {}, version.note) : null,
        version.changes ? changeList(version.changes) : null,
        version.readable ? null : h('div', { class: 'wl-bad' }, 'This version does not read.')
      ],
      button('Look', () => void this._look(version.number), {
        'aria-label': `Look at version ${version.number}`
      })
    ]);
    const kept = h('p', { class: 'wl-small' }, `The last ${found.keep_versions} versions are kept.`);
    return [table('Versions of the catalogue', ['Version', 'When', 'By', 'What', 'Actions'], rows), kept];
  }

  /** @param {number} number */
  async _look(number) {
    let version;
    try {
      version = await this._page.api.ask(`api/admin/history/${number}`);
    } catch (error) {
      this._page.tell(error instanceof Error ? error.message : String(error), 'danger');
      return;
    }
    this._open(version);
  }

  /** @param {any} version */
  _open(version) {
    const placeholder = `back to version ${version.number}`;
    const note = h('input', {
      type: 'text',
      class: 'form-control form-control-sm',
      id: newId(),
      maxlength: 500,
      placeholder
    });
    const said = h('p', { class: 'wl-bad', role: 'alert' });
    const mayRestore = this._page.mayEdit && !version.in_force && version.catalogue;
    const act = () => {
      void this._restore(version, note.value, said, dialog);
      return false;
    };
    const dialog = openDialog({
      title: `Version ${version.number}, ${version.saved_by || 'by hand'}, ${time(version.saved_at)}`,
      wide: true,
      body: [
        ...difference(version),
        h(
          'details',
          {},
          h('summary', {}, 'Its text'),
          h('pre', { class: 'wl-yaml', tabindex: '0' }, version.text)
        ),
        ...(mayRestore ? [h('label', { for: note.id, class: 'form-label' }, 'Note'), note, said] : [])
      ],
      actions: mayRestore ? [{ label: 'Restore this version', kind: 'btn-warning', act }] : [],
      closeLabel: 'Close'
    });
  }

  /** @param {any} version @param {string} note @param {HTMLElement} said @param {import('./in_force.js').Dialog} dialog */
  async _restore(version, note, said, dialog) {
    const { api, draft } = this._page;
    if (draft.isChanged) {
      said.textContent = 'You have changes that are not saved: save or discard them first.';
      return;
    }
    const overtaken = async () => {
      said.textContent = 'Somebody else saved in the meantime: close this and look again.';
      await this._page.reload();
      this.show();
    };
    const isDone = await putInForce(this._page, {
      dialog,
      done: `Version ${version.number} is in force again: the next server has it.`,
      send: () =>
        api.ask(`api/admin/history/${version.number}/restore`, {
          method: 'POST',
          json: { note },
          headers: precondition(draft.revision)
        }),
      failed: error => {
        said.textContent = error instanceof Error ? error.message : String(error);
      },
      overtaken
    });
    if (isDone) {
      this.show();
    }
  }
}

/** What going back to a version would change. @param {any} version */
function difference(version) {
  if (version.in_force) {
    return [h('p', {}, 'This is in force.')];
  }
  if (!version.catalogue) {
    return [h('p', {}, 'It does not read, so it cannot be restored.')];
  }
  const told = version.changes.length ? changeList(version.changes) : h('p', {}, 'Nothing but the text.');
  return [h('h3', { class: 'h6' }, 'Going back to it changes'), told];
}
