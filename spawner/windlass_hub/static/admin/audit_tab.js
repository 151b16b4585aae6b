/** Who was given or refused what, newest first. */
import { button, h, newId } from './dom.js';
import { empty, loadInto, table } from './states.js';
import { time } from './words.js';

/** @typedef {import('./main.js').Page} Page */

export class AuditTab {
  /** @param {Page} page */
  constructor(page) {
    this._page = page;
    /** @type {any[]} */
    this._entries = [];
    this._who = h('input', {
      type: 'search',
      class: 'form-control form-control-sm',
      id: newId(),
      placeholder: 'everybody'
    });
    this._body = h('div');
    const form = h(
      'form',
      {
        class: 'wl-toolbar',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.show();
        }
      },
      h('label', { for: this._who.id }, 'Only of'),
      this._who,
      h('button', { class: 'btn btn-sm btn-outline-secondary', type: 'submit' }, 'Show')
    );
    this.element = h('div', {}, form, this._body);
  }

  show() {
    this._entries = [];
    this._load(null);
  }

  /** @param {number | null} before */
  _load(before) {
    const query = new URLSearchParams({ limit: '100' });
    if (before !== null) {
      query.set('before', String(before));
    }
    if (this._who.value.trim()) {
      query.set('who', this._who.value.trim());
    }
    const load = () => this._page.api.ask(`api/admin/audit?${query}`);
    void loadInto(this._body, { load, show: found => this._shown(found), quiet: before !== null });
  }

  /** @param {any} found */
  _shown(found) {
    this._entries.push(...found.entries);
    const rows = this._entries.map(entry => [
      h('span', { class: 'wl-time' }, time(entry.at)),
      entry.who,
      entry.action,
      h(
        'span',
        { class: `badge ${entry.decision === 'allowed' ? 'text-bg-success' : 'text-bg-warning'}` },
        entry.decision
      ),
      [
        h('div', { class: 'wl-small', title: entry.target }, short(entry.target)),
        ...Object.entries(entry.detail)
          .filter(([, value]) => value !== '' && value !== null)
          .map(([name, value]) => h('div', { class: 'wl-detail' }, `${name}: ${value}`))
      ]
    ]);
    return [
      found.problem &&
        h('p', { class: 'alert alert-warning' }, `Newer decisions are not written yet: ${found.problem}`),
      rows.length
        ? table('Decisions', ['When', 'Who', 'What', 'Decision', 'Details'], rows)
        : empty('Nothing was decided yet.'),
      found.next !== null && button('Older ones', () => this._load(found.next))
    ];
  }
}

/** A revision that is a hash says as much by its beginning. @param {string} target */
function short(target) {
  return /^[0-9a-f]{40,}$/.test(target) ? `${target.slice(0, 12)}…` : target;
}
