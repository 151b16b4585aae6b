/** Tabs as the ARIA practices have them: one tab stop, arrows move, the address names the open one. */
import { h } from './dom.js';

/** @typedef {{element: HTMLElement, show: () => void, hide?: () => void}} Tab */

/**
 * @param {{tabs: Record<string, {label: string, tab: Tab}>, onopen: (name: string) => void}} options
 */
export function tabList({ tabs, onopen }) {
  const names = Object.keys(tabs);
  /** @type {string | null} */
  let open = null;
  const buttons = names.map(name =>
    h(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `tab-${name}`,
        class: 'nav-link',
        'aria-controls': `panel-${name}`,
        onclick: () => onopen(name),
        onkeydown: (/** @type {KeyboardEvent} */ event) => key(event, names.indexOf(name))
      },
      tabs[name].label
    )
  );
  const panels = names.map(name =>
    h(
      'section',
      {
        role: 'tabpanel',
        id: `panel-${name}`,
        'aria-labelledby': `tab-${name}`,
        tabindex: '-1',
        hidden: true
      },
      tabs[name].tab.element
    )
  );
  const key = (/** @type {KeyboardEvent} */ event, /** @type {number} */ at) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const next = (to + names.length) % names.length;
      buttons[next].focus();
      onopen(names[next]);
    }
  };
  const show = (/** @type {string} */ name) => {
    if (open !== null && open !== name) {
      tabs[open].tab.hide?.();
    }
    open = name;
    names.forEach((each, at) => {
      buttons[at].classList.toggle('active', each === name);
      buttons[at].setAttribute('aria-selected', String(each === name));
      buttons[at].tabIndex = each === name ? 0 : -1;
      panels[at].toggleAttribute('hidden', each !== name);
    });
    tabs[name].tab.show();
  };
  const list = h(
    'div',
    { class: 'nav nav-tabs wl-tabs', role: 'tablist', 'aria-label': 'Parts of Windlass' },
    ...buttons
  );
  return {
    elements: [list, ...panels],
    show,
    panel: (/** @type {string} */ name) => panels[names.indexOf(name)]
  };
}
