/** The page of promotions: what waits for an approval, and what was promoted before. */
import { Api } from '../admin/api.js';
import { button, fill, h, newId } from '../admin/dom.js';
import { renewSession } from '../admin/session.js';
import { empty, loadInto } from '../admin/states.js';
import { askForAnswer } from './answering.js';
import { showComparison } from './comparison.js';
import { logTable } from './log.js';
import { waitingCard } from './waiting.js';

const EVERY_MILLISECONDS = 15_000;

class Page {
  /** @param {HTMLElement} app @param {DOMStringMap} settings */
  constructor(app, settings) {
    const { prefix = '/', user = '', xsrf = '' } = settings;
    this._app = app;
    /** @type {Api} */
    this.api = new Api({
      prefix,
      xsrf,
      renew: () => renewSession({ prefix, user, who: () => this.api.who() })
    });
    this._told = h('div', { class: 'wl-told', 'aria-live': 'polite' });
    this._waiting = h('div');
    this._log = h('div');
    /** What is in the log, page after page. @type {any[]} */
    this._lines = [];
    /** What the terms of a model say of its protection. @type {Map<string, string>} */
    this._notes = new Map();
    this._shown = '';
  }

  start() {
    const [waiting, log] = [newId(), newId()];
    this._app.removeAttribute('aria-busy');
    fill(
      this._app,
      this._told,
      h(
        'section',
        { 'aria-labelledby': waiting },
        h(
          'div',
          { class: 'wl-title' },
          h('h2', { id: waiting, class: 'h5' }, 'Waiting for approval'),
          button('Refresh', () => void this.load(false))
        ),
        this._waiting
      ),
      h('section', { 'aria-labelledby': log }, h('h2', { id: log, class: 'h5' }, 'Log'), this._log)
    );
    void this.load(false);
    setInterval(() => {
      if (!document.hidden && !document.querySelector('dialog[open]')) {
        void this.load(true);
      }
    }, EVERY_MILLISECONDS);
  }

  /** Look anew; what is the same is left as it is, and the focus with it. @param {boolean} quiet */
  async load(quiet) {
    const ask = { isBackground: quiet };
    if (quiet) {
      const found = await this.api.ask('api/promotions?state=waiting', ask).catch(() => null);
      if (found === null || JSON.stringify(found.items) === this._shown) {
        return;
      }
    }
    const load = () => this.api.ask('api/promotions?state=waiting', ask);
    await loadInto(this._waiting, { load, show: found => this._showWaiting(found.items), quiet });
    await this._loadLog(null, quiet);
  }

  /** @param {any[]} items */
  _showWaiting(items) {
    this._shown = JSON.stringify(items);
    for (const model of new Set(items.map(item => item.model))) {
      void this._note(model);
    }
    return items.length
      ? h('ul', { class: 'wl-promotions' }, ...items.map(item => this._card(item)))
      : empty('Nothing waits for you, and nothing that you asked for.');
  }

  /** @param {any} item */
  _card(item) {
    return waitingCard(item, {
      note: this._notes.get(item.model) ?? '',
      compare: () => showComparison(this.api, item),
      answer: decision => this._answer(item, decision)
    });
  }

  /** @param {any} item @param {'approve' | 'refuse' | 'withdraw'} decision */
  async _answer(item, decision) {
    const ended = await askForAnswer(this.api, item, decision);
    if (ended !== null) {
      const kind = ended.state === 'failed' ? 'warning' : 'success';
      fill(this._told, h('div', { class: `alert alert-${kind}` }, told(ended)));
    }
    await this.load(false);
    this._app.querySelector('h2')?.setAttribute('tabindex', '-1');
    this._app.querySelector('h2')?.focus();
  }

  /** Say plainly whether MLflow keeps others from moving it. @param {string} model */
  async _note(model) {
    const path = `api/models/${encodeURIComponent(model)}/promotion-terms`;
    const terms = await this.api.ask(path, { isBackground: true }).catch(() => null);
    const note = terms?.message ?? '';
    this._notes.set(model, note);
    for (const place of this._waiting.querySelectorAll('.wl-protection')) {
      if (place instanceof HTMLElement && place.dataset.model === model) {
        place.textContent = note;
      }
    }
  }

  /** @param {string | null} cursor @param {boolean} quiet */
  async _loadLog(cursor, quiet) {
    const query = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const load = () => this.api.ask(`api/promotions${query}`);
    const show = (/** @type {any} */ found) => {
      this._lines = cursor === null ? found.items : [...this._lines, ...found.items];
      return [
        this._lines.length ? logTable(this._lines) : empty('Nothing that concerns you was promoted yet.'),
        found.next_cursor !== null && button('Older ones', () => void this._loadLog(found.next_cursor, true))
      ];
    };
    await loadInto(this._log, { load, show, quiet: quiet || cursor !== null });
  }
}

/** @param {any} item */
function told(item) {
  const what = `${item.model}: ${item.alias ?? item.stage}`;
  switch (item.state) {
    case 'done':
      return `Done: ${what} is at version ${item.to_version} now.`;
    case 'waiting':
      return `Approved; it still needs ${item.needs}.`;
    case 'failed':
      return `Not done: ${item.message}`;
    default:
      return item.state === 'refused'
        ? `Refused: ${what} stays where it is.`
        : `Withdrawn: ${what} stays where it is.`;
  }
}

const app = document.getElementById('app');
if (app) {
  new Page(app, document.body.dataset).start();
}
