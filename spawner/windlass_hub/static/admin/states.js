/** How a list says that it is loading, empty, forbidden or out of reach, with what to do next. */
import { button, fill, h } from './dom.js';
import { Problem } from './api.js';

/** @typedef {import('./dom.js').Child} Child */

/**
 * Load something into an element, with every state on the way.
 *
 * @template T
 * @param {Element} element
 * @param {{load: () => Promise<T>, show: (value: T) => Child | Child[], quiet?: boolean}} options `quiet` leaves what is shown while loading
 * @returns {Promise<boolean>} whether it is shown
 */
export async function loadInto(element, { load, show, quiet = false }) {
  if (!quiet) {
    fill(element, h('p', { class: 'text-body-secondary', role: 'status' }, 'Loading…'));
  }
  element.setAttribute('aria-busy', 'true');
  try {
    const shown = show(await load());
    fill(element, ...(Array.isArray(shown) ? shown : [shown]));
    return true;
  } catch (error) {
    fill(
      element,
      failure(error, () => void loadInto(element, { load, show }))
    );
    return false;
  } finally {
    element.removeAttribute('aria-busy');
  }
}

/** What went wrong, and a way to try again. @param {unknown} error @param {() => void} again */
export function failure(error, again) {
  const forbidden = error instanceof Problem && error.status === 403;
  return h(
    'div',
    { class: `alert ${forbidden ? 'alert-secondary' : 'alert-danger'}`, role: 'alert' },
    h(
      'p',
      {},
      forbidden ? 'You may not see this. ' : null,
      error instanceof Error ? error.message : String(error)
    ),
    !forbidden && button('Try again', again)
  );
}

/** Nothing there, and what to do about it. @param {string} text @param {...Child} next */
export function empty(text, ...next) {
  return h('div', { class: 'wl-empty' }, h('p', {}, text), ...next);
}

/**
 * A table that narrow windows show as cards.
 *
 * @param {string} caption
 * @param {string[]} heads
 * @param {(Child | Child[])[][]} rows
 * @param {{kind?: string, numbers?: string[]}} [look] `kind` is a class of its own, `numbers` the heads over numbers
 */
export function table(caption, heads, rows, { kind = '', numbers = [] } = {}) {
  const numeric = (/** @type {number} */ at) => (numbers.includes(heads[at]) ? 'wl-number' : null);
  const cells = (/** @type {(Child | Child[])[]} */ row) =>
    row.map((cell, at) =>
      h('td', { 'data-head': heads[at], class: numeric(at) }, ...(Array.isArray(cell) ? cell : [cell]))
    );
  return h(
    'table',
    { class: `table table-sm align-middle wl-table ${kind}` },
    h('caption', { class: 'visually-hidden' }, caption),
    h(
      'thead',
      {},
      h('tr', {}, ...heads.map((head, at) => h('th', { scope: 'col', class: numeric(at) }, head)))
    ),
    h('tbody', {}, ...rows.map(row => h('tr', {}, ...cells(row))))
  );
}

/** Changes as a list of sentences. @param {{sentence: string}[] | string[]} changes */
export function changeList(changes) {
  return h(
    'ul',
    { class: 'wl-changes' },
    ...changes.map(change => h('li', {}, typeof change === 'string' ? change : change.sentence))
  );
}
