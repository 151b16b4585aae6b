/**
 * Elements from data. Text only ever becomes a text node: nothing an admin or a user wrote can become markup.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props */

let counter = 0;

/** A new id for labels and descriptions. */
export function newId() {
  counter += 1;
  return `wl-${counter}`;
}

/**
 * Make an element. `on…` are listeners, `class` is the class, true and false add or leave out an attribute.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2).toLowerCase(), value);
    } else if (name === 'value' || name === 'checked' || name === 'disabled' || name === 'indeterminate') {
      /** @type {any} */ (element)[name] = value;
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  append(element, children);
  return element;
}

/**
 * Put these in the place of what is in the element.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * A button that does something.
 *
 * @param {string} text
 * @param {(event: Event) => void} act
 * @param {Props} [props]
 */
export function button(text, act, props = {}) {
  const { class: kind = 'btn-outline-secondary', ...rest } = props;
  return h('button', { type: 'button', class: `btn btn-sm ${kind}`, onclick: act, ...rest }, text);
}

/**
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
function append(element, children) {
  for (const child of children.flat()) {
    if (child instanceof Node) {
      element.append(child);
    } else if (child !== null && child !== undefined && child !== false) {
      element.append(String(child));
    }
  }
}
