/** The admin page: puts the parts together, loads the catalogue, follows the address. */
import { Api } from './api.js';
import { AuditTab } from './audit_tab.js';
import { banners, unsavedBar } from './banners.js';
import { ImagesTab, PricesTab, QuotasTab } from './catalogue_tabs.js';
import { Checks } from './checks.js';
import { fill, h } from './dom.js';
import { Draft } from './draft.js';
import { placeFindings } from './findings.js';
import { HistoryTab } from './history_tab.js';
import { ProfilesTab } from './profiles_tab.js';
import { RunningTab } from './running_tab.js';
import { renewSession } from './session.js';
import { failure } from './states.js';
import { tabList } from './tabs.js';
import { transferButtons } from './transfer.js';

/** @typedef {import('./checks.js').Finding} Finding */

const LISTED = ['profiles', 'images'];

export class Page {
  /** @param {{app: HTMLElement, settings: DOMStringMap}} options */
  constructor({ app, settings }) {
    this._app = app;
    const { prefix = '/', user = '', xsrf = '' } = settings;
    this.mayWrite = settings.write === 'yes';
    /** @type {Api} */
    this.api = new Api({
      prefix,
      xsrf,
      renew: () => renewSession({ prefix, user, who: () => this.api.who() })
    });
    this.draft = new Draft({ user });
    this.checks = new Checks({ api: this.api, draft: this.draft });
    /** @type {any} */
    this.kept = {};
    this.route = { tab: 'profiles', rest: '' };
    /** Whether the next form that is shown takes the reader to what is wrong in it. */
    this._wantsWrong = false;
    /** Where it stands beside the form the pod is open at first. */
    this.showsPod = window.matchMedia('(width > 900px)').matches;
    /** Findings that stand at no field on the screen. @type {Finding[]} */
    this.homeless = [];
    this._told = h('div', { class: 'wl-told', 'aria-live': 'polite' });
    this._banners = h('div');
  }

  /** Whether the caller may change what is there. */
  get mayEdit() {
    return this.mayWrite && !this.kept.owner;
  }

  /** Load, then show. */
  async start() {
    try {
      this.kept = await this.api.ask('api/admin/catalogue');
    } catch (error) {
      fill(
        this._app,
        failure(error, () => void this.start())
      );
      return;
    } finally {
      this._app.removeAttribute('aria-busy');
    }
    this._build();
    this._begin();
    const hush = () => this._told.querySelector('.alert-success, .alert-info')?.remove();
    window.addEventListener('hashchange', () => {
      hush();
      this._follow();
    });
    this.draft.addEventListener('change', () => this.draft.isChanged && hush());
    window.addEventListener('beforeunload', event => {
      if (this.draft.isChanged) {
        event.preventDefault();
      }
    });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && !this.draft.isChanged && !document.querySelector('dialog[open]')) {
        void this.reload();
      }
    });
    this._follow();
  }

  /** Take what is kept now; what was edited here is dropped. */
  async reload() {
    try {
      const kept = await this.api.ask('api/admin/catalogue');
      const isNew = kept.revision !== this.draft.revision || this.draft.isChanged;
      this.kept = kept;
      fill(this._banners, ...banners(this));
      if (isNew) {
        this.draft.begin(kept);
      }
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error), 'danger');
    }
  }

  /** Go on from what was just saved. @param {any} kept */
  saved(kept) {
    this.kept = { ...kept, broken: null, missing: null, stale: null };
    fill(this._banners, ...banners(this));
    this.draft.settle(kept);
  }

  /** Say something until the next is said. @param {string} text @param {'success' | 'info' | 'warning' | 'danger'} kind */
  tell(text, kind) {
    const close = () => fill(this._told);
    fill(
      this._told,
      h(
        'div',
        { class: `alert alert-${kind} wl-note` },
        h('span', {}, text),
        h('button', { type: 'button', class: 'btn-close', 'aria-label': 'Close', onclick: close })
      )
    );
  }

  /** Open a tab, or something in it. @param {string} tab @param {string} [rest] */
  go(tab, rest = '') {
    const hash = rest ? `#${tab}/${rest}` : `#${tab}`;
    if (location.hash === hash) {
      this._follow();
    } else {
      location.hash = hash;
    }
  }

  /** Where the focus goes when what had it is no more. */
  focusPanel() {
    this._tabs?.panel(this.route.tab)?.focus({ preventScroll: true });
  }

  /** Open the form that a path of the document is in, at the first field that is wrong. @param {string} path */
  showProblem(path) {
    const [section, at] = path.split('.');
    this._wantsWrong = true;
    if (section === 'profiles') {
      this.go('profiles', at);
    } else {
      this.go(section);
    }
  }

  /** The buttons for export and import. */
  transfer() {
    return transferButtons(this);
  }

  /** What a path of the document is to a person, as `Tesla T4, gpu count`. @param {string} path */
  named(path) {
    const [section, key, ...rest] = path.split('.');
    const words = rest
      .join(' ')
      .replaceAll('_', ' ')
      .replace(/\b(usd|cpu|gpu|mig)\b/g, name => name.toUpperCase());
    if (LISTED.includes(section) && key !== undefined) {
      const list = this.draft.get([section]) || [];
      const item = list[key] || list.find((/** @type {any} */ each) => each.slug === key);
      const name = item?.display_name || item?.slug || `${section.slice(0, -1)} ${key}`;
      return words ? `${name}, ${words}` : name;
    }
    return [section, key, words].filter(Boolean).join(' ').replaceAll('_', ' ');
  }

  _build() {
    this._bar = unsavedBar(this);
    /** @type {Record<string, {label: string, tab: import('./tabs.js').Tab}>} */
    const tabs = {
      profiles: { label: 'Profiles', tab: new ProfilesTab(this) },
      images: { label: 'Images', tab: new ImagesTab(this) },
      prices: { label: 'Prices', tab: new PricesTab(this) },
      quotas: { label: 'Quotas & groups', tab: new QuotasTab(this) },
      running: { label: 'Running now', tab: new RunningTab(this) },
      history: { label: 'History', tab: new HistoryTab(this) },
      ...(this.mayWrite ? { audit: { label: 'Audit', tab: new AuditTab(this) } } : {})
    };
    this._names = Object.keys(tabs);
    this._tabs = tabList({ tabs, onopen: name => this.go(name) });
    fill(
      this._app,
      this._banners,
      ...this._tabs.elements.slice(0, 1),
      this._told,
      ...this._tabs.elements.slice(1),
      this._bar.element
    );
    fill(this._banners, ...banners(this));
    this.checks.addEventListener('checked', () => this._place());
  }

  _begin() {
    const left = this.draft.left();
    if (left && this.mayEdit) {
      this.draft.rebase(left);
      this.tell('The changes you had not saved are here again.', 'info');
    } else {
      this.draft.begin(this.kept);
    }
  }

  _follow() {
    const [tab, rest = ''] = location.hash.slice(1).split('/');
    this.route = { tab: this._names?.includes(tab) ? tab : 'profiles', rest };
    this._tabs?.show(this.route.tab);
    this._place();
  }

  /** Put findings where they belong on what is shown now; the bar lists the rest. */
  _place() {
    const panel = this._tabs?.panel(this.route.tab);
    this.homeless = panel && this.checks.isCurrent ? placeFindings(panel, this.checks.problems) : [];
    this._bar?.show();
    if (this._wantsWrong) {
      this._wantsWrong = false;
      /** @type {HTMLElement | null | undefined} */ (panel?.querySelector('[aria-invalid="true"]'))?.focus();
    }
  }
}

const app = document.getElementById('app');
if (app) {
  void new Page({ app, settings: document.body.dataset }).start();
}
