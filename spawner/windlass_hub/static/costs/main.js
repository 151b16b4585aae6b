/** The page of costs: what was spent by whom and for what, as a table to look at and to take along; how budgets stand. */
import { Api } from '../admin/api.js';
import { button, fill, h, newId } from '../admin/dom.js';
import { renewSession } from '../admin/session.js';
import { loadInto } from '../admin/states.js';
import { budgetList } from './budgets.js';
import { costTable } from './report.js';

const EVERY_MILLISECONDS = 60_000;
const GROUPINGS = [
  ['user', 'User'],
  ['group', 'Group'],
  ['job', 'Job or server'],
  ['experiment', 'Experiment'],
  ['model', 'Model'],
  ['day', 'Day']
];

class Page {
  /** @param {HTMLElement} app @param {DOMStringMap} settings */
  constructor(app, settings) {
    const { prefix = '/', user = '', xsrf = '' } = settings;
    this._app = app;
    this._seesAll = settings.costs === 'yes';
    this._mayWrite = settings.write === 'yes' && this._seesAll;
    /** @type {Api} */
    this.api = new Api({
      prefix,
      xsrf,
      edits: false,
      renew: () => renewSession({ prefix, user, who: () => this.api.who() })
    });
    const today = new Date().toISOString().slice(0, 10);
    this._by = h('select', {
      class: 'form-select form-select-sm',
      onchange: () => void this._loadCosts(false)
    });
    fill(this._by, ...GROUPINGS.map(([value, name]) => h('option', { value }, name)));
    this._by.value = this._seesAll ? 'user' : 'job';
    this._start = this._date(`${today.slice(0, 8)}01`);
    this._end = this._date(today);
    this._told = h('div', { class: 'wl-told', 'aria-live': 'polite' });
    this._costs = h('div');
    this._budgets = h('div');
  }

  start() {
    const [costs, budgets] = [newId(), newId()];
    this._app.removeAttribute('aria-busy');
    fill(
      this._app,
      this._told,
      h(
        'section',
        { 'aria-labelledby': budgets },
        h('h2', { id: budgets, class: 'h5' }, this._seesAll ? 'Budgets' : 'Your budgets'),
        this._budgets
      ),
      h(
        'section',
        { 'aria-labelledby': costs },
        h('h2', { id: costs, class: 'h5' }, this._seesAll ? 'What everybody spent' : 'What you spent'),
        this._toolbar(),
        this._costs
      )
    );
    void this._load(false);
    setInterval(() => {
      const isBusy = document.hidden || document.querySelector('dialog[open]') || this._isTyping();
      if (!isBusy) {
        void this._load(true);
      }
    }, EVERY_MILLISECONDS);
  }

  _toolbar() {
    const field = (/** @type {string} */ name, /** @type {HTMLElement} */ input) => {
      input.id = newId();
      return h(
        'div',
        { class: 'wl-cost-field' },
        h('label', { class: 'wl-small', for: input.id }, name),
        input
      );
    };
    return h(
      'div',
      { class: 'wl-toolbar wl-cost-toolbar' },
      field('By', this._by),
      field('From (UTC)', this._start),
      field('To, included', this._end),
      button('Refresh', () => void this._load(false)),
      button('Download CSV', () => void this._download())
    );
  }

  /** @param {string} value */
  _date(value) {
    return h('input', {
      type: 'date',
      class: 'form-control form-control-sm',
      value,
      onchange: () => void this._loadCosts(false)
    });
  }

  _isTyping() {
    return [this._by, this._start, this._end].some(input => input === document.activeElement);
  }

  /** @param {boolean} quiet */
  async _load(quiet) {
    await Promise.all([this._loadCosts(quiet), this._loadBudgets(quiet)]);
  }

  /** @param {boolean} quiet */
  async _loadCosts(quiet) {
    const path = this._path();
    const load = () => this.api.ask(path, { isBackground: quiet });
    // What was asked for meanwhile counts.
    const show = (/** @type {any} */ found) =>
      path === this._path() ? costTable(found) : [...this._costs.childNodes];
    await loadInto(this._costs, { load, show, quiet });
  }

  /** @param {boolean} quiet */
  async _loadBudgets(quiet) {
    const load = () => this.api.ask(`api/budgets${this._seesAll ? '?all=1' : ''}`, { isBackground: quiet });
    const decide = this._mayWrite
      ? (/** @type {any} */ budget, /** @type {any} */ what) => this._decide(budget, what)
      : null;
    const isOpen = () => this._budgets.querySelector('details')?.open ?? false;
    await loadInto(this._budgets, { load, show: found => budgetList(found.items, decide, isOpen()), quiet });
  }

  /** @param {any} budget @param {any} decision */
  async _decide(budget, decision) {
    const name = encodeURIComponent(budget.name);
    try {
      await this.api.ask(`api/admin/budgets/${budget.scope}/${budget.period}/${name}`, {
        method: 'PUT',
        json: decision
      });
      fill(
        this._told,
        h(
          'div',
          { class: 'alert alert-success' },
          `Decided for ${budget.name}, until this ${budget.period} ends.`
        )
      );
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      fill(this._told, h('div', { class: 'alert alert-danger' }, words));
    }
    await this._loadBudgets(true);
  }

  async _download() {
    try {
      const text = await this.api.ask(this._path(), { headers: { Accept: 'text/csv' } });
      const link = h('a', {
        href: URL.createObjectURL(new Blob([text], { type: 'text/csv' })),
        download: `windlass-costs-by-${this._by.value}-${this._start.value}.csv`
      });
      link.click();
      URL.revokeObjectURL(link.href);
      fill(this._told);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      fill(this._told, h('div', { class: 'alert alert-danger' }, words));
    }
  }

  _path() {
    const query = new URLSearchParams({ by: this._by.value });
    for (const [name, input] of /** @type {const} */ ([
      ['start', this._start],
      ['end', this._end]
    ])) {
      if (input.value) {
        query.set(name, input.value);
      }
    }
    return `api/costs?${query}`;
  }
}

const app = document.getElementById('app');
if (app) {
  new Page(app, document.body.dataset).start();
}
