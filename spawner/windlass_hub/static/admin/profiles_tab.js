/** The profiles as a list in the order of the spawn page, and one of them open for editing with its pod beside it. */
import { button, fill, h } from './dom.js';
import { confirmed } from './dialogs.js';
import { podPreview } from './preview.js';
import { rowFilter } from './row_filter.js';
import { profileForm, showPrice } from './profile_form.js';
import { empty, table } from './states.js';
import { machine, money, who } from './words.js';

/** @typedef {import('./main.js').Page} Page */

const LIST = ['profiles'];

export class ProfilesTab {
  /** @param {Page} page */
  constructor(page) {
    this._page = page;
    this.element = h('div');
    /** @type {HTMLElement | null} */
    this._form = null;
    this._isOpen = false;
    /** What was left for a profile's form, to come back to. @type {{at: number, top: number} | null} */
    this._left = null;
    this._filter = rowFilter({
      label: 'Show only',
      rows: () => [...this.element.querySelectorAll('tbody tr')].map(row => /** @type {HTMLElement} */ (row))
    });
    page.draft.addEventListener('reset', () => this._isOpen && this.show());
    page.checks.addEventListener('checked', () => this._isOpen && this._checked());
  }

  hide() {
    this._isOpen = false;
    this._left = null;
    fill(this.element);
  }

  /** Show the list, or the profile the address names. */
  show() {
    this._isOpen = true;
    const { draft, route } = this._page;
    const at = route.rest === '' ? -1 : Number(route.rest);
    const profile = draft.get([...LIST, at]);
    this._form = null;
    this._at = at;
    if (profile) {
      this._edit(at, profile);
    } else {
      this._list();
    }
    this._checked();
    this._scroll(profile ? at : -1);
  }

  _list() {
    const { draft, mayEdit } = this._page;
    const profiles = draft.get(LIST) || [];
    const actions = h(
      'div',
      { class: 'wl-toolbar' },
      mayEdit && button('Add a profile', () => this._add(), { class: 'btn-primary' }),
      ...this._page.transfer()
    );
    const shown = profiles.length
      ? table(
          'Profiles in the order of the spawn page',
          ['Profile', 'Machine', 'Per hour', 'For', 'Actions'],
          profiles.map((/** @type {any} */ each, /** @type {number} */ at) =>
            this._row(each, at, profiles.length)
          ),
          { kind: 'wl-profiles', numbers: ['Per hour'] }
        )
      : empty(
          this._page.kept.broken
            ? 'No profile could be read.'
            : 'There are no profiles: nobody can start a server yet.'
        );
    fill(this.element, actions, this._filter.element, shown);
    this._filter.apply();
  }

  /** A form is begun at its top; the list is found again where it was left. @param {number} at of the open profile, -1 is the list */
  _scroll(at) {
    const left = this._left;
    if (at >= 0 && left?.at !== at) {
      this._left = { at, top: window.scrollY };
      window.scrollTo({ top: 0 });
    } else if (at < 0 && left) {
      this._left = null;
      this._focus(left.at, 'none');
      window.scrollTo({ top: left.top });
    }
  }

  /** @param {any} profile @param {number} at @param {number} count */
  _row(profile, at, count) {
    const { mayEdit } = this._page;
    const name = profile.display_name || profile.slug || 'a profile without a name';
    const move = (/** @type {number} */ to) => {
      this._page.draft.move(LIST, at, to);
      this._list();
      this._checked();
      this._focus(to, to < at ? 'up' : 'down');
    };
    const actions = mayEdit
      ? [
          button('Edit', () => this._page.go('profiles', String(at)), { 'aria-label': `Edit ${name}` }),
          button('Duplicate', () => this._duplicate(profile, at), { 'aria-label': `Duplicate ${name}` }),
          button('↑', () => move(at - 1), {
            disabled: at === 0,
            'aria-label': `Move ${name} up`,
            'data-move': 'up'
          }),
          button('↓', () => move(at + 1), {
            disabled: at === count - 1,
            'aria-label': `Move ${name} down`,
            'data-move': 'down'
          }),
          button('Remove', () => void this._remove(name, at), {
            class: 'btn-outline-danger',
            'aria-label': `Remove ${name}`
          })
        ]
      : [button('Look', () => this._page.go('profiles', String(at)), { 'aria-label': `Look at ${name}` })];
    const badges = [
      profile.default ? h('span', { class: 'badge text-bg-primary' }, 'default') : null,
      profile.interface === 'vscode' ? h('span', { class: 'badge text-bg-secondary' }, 'VS Code') : null,
      h('span', { class: 'badge text-bg-danger', 'data-wrong-at': String(at) }, '')
    ];
    return [
      [h('strong', {}, name), ' ', ...badges, h('div', { class: 'wl-small' }, profile.description || '')],
      machine(profile),
      h('span', { 'data-price-of-slug': profile.slug || '' }, ''),
      who(profile),
      h('div', { class: 'wl-actions', 'data-row': String(at) }, ...actions)
    ];
  }

  /** @param {number} at @param {any} profile */
  _edit(at, profile) {
    const { draft, mayEdit } = this._page;
    const form = profileForm(draft, [...LIST, at]);
    if (!mayEdit) {
      form
        .querySelectorAll('input, select, textarea, button')
        .forEach(control => control.setAttribute('disabled', ''));
    }
    this._form = form;
    const title = h('h2', { class: 'h4', tabindex: '-1' }, profile.display_name || 'New profile');
    form.addEventListener('input', () => {
      title.textContent = draft.get([...LIST, at, 'display_name']) || 'New profile';
    });
    const back = button('← All profiles', () => this._page.go('profiles'));
    this._preview = podPreview(this._page, at);
    fill(
      this.element,
      h('div', { class: 'wl-toolbar' }, back),
      title,
      h('div', { class: 'wl-split' }, form, this._preview.element)
    );
    title.focus({ preventScroll: true });
  }

  _checked() {
    const { checks, draft } = this._page;
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (
      this.element.querySelectorAll('[data-price-of-slug]')
    )) {
      const usd = checks.prices[place.dataset.priceOfSlug || ''];
      place.textContent = usd === undefined ? '…' : money(usd);
    }
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (
      this.element.querySelectorAll('[data-wrong-at]')
    )) {
      const wrong = checks.problems.some(problem =>
        `${problem.path}.`.startsWith(`profiles.${place.dataset.wrongAt}.`)
      );
      place.textContent = wrong ? 'needs a correction' : '';
    }
    if (this._form && this._at !== undefined) {
      showPrice(this._form, checks.prices[draft.get([...LIST, this._at, 'slug'])]);
      this._preview?.later();
    }
  }

  _add() {
    const { draft } = this._page;
    draft.insert(LIST, { slug: this._free('profile'), display_name: 'New profile', cpu: '2', memory: '4G' });
    this._page.go('profiles', String(draft.get(LIST).length - 1));
  }

  /** @param {any} profile @param {number} at */
  _duplicate(profile, at) {
    const { default: _, ...copied } = structuredClone(profile);
    const copy = {
      ...copied,
      slug: this._free(profile.slug),
      display_name: `${profile.display_name} (copy)`.slice(0, 120)
    };
    this._page.draft.insert(LIST, copy, at + 1);
    this._page.go('profiles', String(at + 1));
  }

  /** @param {string} name @param {number} at */
  async _remove(name, at) {
    const text = `Servers that run with ${name} run on; nobody can start a new one once this is saved.`;
    if (await confirmed({ title: `Remove ${name}?`, text, yes: 'Remove' })) {
      this._page.draft.remove(LIST, at);
      this._list();
      this._checked();
      this._focus(Math.min(at, this._page.draft.get(LIST)?.length - 1 || 0), 'none');
    }
  }

  /** A slug nothing has yet. @param {string} wanted */
  _free(wanted) {
    const taken = (this._page.draft.get(LIST) || []).map((/** @type {any} */ profile) => profile.slug);
    const stem = (wanted || 'profile').slice(0, 50);
    for (let number = 2; ; number += 1) {
      if (!taken.includes(`${stem}-${number}`)) {
        return `${stem}-${number}`;
      }
    }
  }

  /** @param {number} at @param {string} which */
  _focus(at, which) {
    const row = this.element.querySelector(`[data-row="${at}"]`);
    const wanted = /** @type {HTMLButtonElement | null} */ (
      row?.querySelector(`[data-move="${which}"]:not(:disabled)`)
    );
    (
      wanted || /** @type {HTMLButtonElement | null} */ ((row ?? this.element).querySelector('button'))
    )?.focus();
  }
}
