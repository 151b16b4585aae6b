/**
 * Modal questions, on the browser's own dialog element: focus, Escape and the rest of the page are its business.
 */
import { button, h, newId } from './dom.js';

/** @typedef {import('./dom.js').Child} Child */

/**
 * @typedef {object} Action
 * @property {string} label
 * @property {string} [kind] a Bootstrap class
 * @property {() => unknown} [act] may answer false to keep the dialog open
 */

/**
 * Open a dialog; it is closed by its actions, by Escape and by its last button.
 *
 * @param {{title: string, body: (Child | Child[])[], actions: Action[], closeLabel?: string, wide?: boolean, onclose?: () => void}} options
 * @returns {{element: HTMLDialogElement, close: () => void, busy: (is: boolean) => void, isBusy: () => boolean}}
 *   While it is busy nothing in it can be pressed and nothing closes it: what comes of it is said in it.
 */
export function openDialog({ title, body, actions, closeLabel = 'Cancel', wide = false, onclose }) {
  const heading = newId();
  const buttons = actions.map(({ label, kind = 'btn-primary', act }) =>
    button(
      label,
      () => {
        if (act?.() !== false) {
          element.close();
        }
      },
      { class: kind }
    )
  );
  const waiting = h('span', { role: 'status', class: 'wl-small', tabindex: '-1' });
  const last = button(closeLabel, () => element.close());
  const element = h(
    'dialog',
    { class: `wl-dialog ${wide ? 'wl-wide' : ''}`, 'aria-labelledby': heading },
    h('h2', { id: heading, class: 'h5' }, title),
    h('div', { class: 'wl-dialog-body' }, ...body),
    h('div', { class: 'wl-actions' }, waiting, ...buttons, last)
  );
  let isBusy = false;
  /** @type {Element | null} */
  let focused = null;
  const keepOpen = (/** @type {Event} */ event) => isBusy && event.preventDefault();
  element.addEventListener('cancel', keepOpen);
  // A second Escape would close it without asking.
  element.addEventListener('keydown', event => event.key === 'Escape' && keepOpen(event));
  element.addEventListener('close', () => {
    element.remove();
    onclose?.();
  });
  document.body.append(element);
  element.showModal();
  return {
    element,
    close: () => element.close(),
    busy: is => {
      isBusy = is;
      waiting.textContent = is ? 'One moment…' : '';
      if (is) {
        focused = document.activeElement;
        waiting.focus();
      }
      [...buttons, last].forEach(each => (each.disabled = is));
      if (!is && focused instanceof HTMLElement) {
        focused.focus();
      }
    },
    isBusy: () => isBusy
  };
}

/**
 * Ask yes or no.
 *
 * @param {{title: string, text: string, yes: string}} options
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes }) {
  return new Promise(resolve => {
    let answer = false;
    const act = () => {
      answer = true;
    };
    const actions = [{ label: yes, kind: 'btn-danger', act }];
    openDialog({ title, body: [h('p', {}, text)], actions, onclose: () => resolve(answer) });
  });
}
