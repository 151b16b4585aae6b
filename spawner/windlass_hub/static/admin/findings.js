/**
 * Puts what the service found wrong beside the field it is about: at the innermost place on the page that the finding's
 * path lies in. What belongs to no field that is shown is listed by the caller.
 */
import { h } from './dom.js';

/** @typedef {import('./checks.js').Finding} Finding */

/**
 * Show the findings inside `root`.
 *
 * @param {Element} root
 * @param {Finding[]} problems
 * @returns {Finding[]} those that found no place
 */
export function placeFindings(root, problems) {
  /** @type {Map<Element, Finding[]>} */
  const placed = new Map();
  const homeless = problems.filter(problem => {
    const place = closest(root, problem.path);
    if (place) {
      placed.set(place, [...(placed.get(place) || []), problem]);
    }
    return !place;
  });
  for (const place of root.querySelectorAll('[data-path]')) {
    const found = placed.get(place) || [];
    const error = place.querySelector(':scope > .wl-error');
    const words = found.map(problem => problem.message).join(' ');
    if (error && error.textContent !== words) {
      error.textContent = words;
    }
    place.classList.toggle('wl-wrong', found.length > 0);
    for (const control of place.querySelectorAll(':scope > input, :scope > select, :scope > textarea')) {
      control.classList.toggle('is-invalid', found.length > 0);
      control.setAttribute('aria-invalid', String(found.length > 0));
    }
  }
  return homeless;
}

/**
 * A list of findings that stand at no field.
 *
 * @param {Finding[]} problems
 * @param {(path: string) => string} named what a path is to a person
 */
export function listFindings(problems, named) {
  return h(
    'ul',
    { class: 'mb-0' },
    ...problems.map(problem =>
      h('li', {}, problem.path ? h('strong', {}, `${named(problem.path)}: `) : null, problem.message)
    )
  );
}

/** @param {Element} root @param {string} path */
function closest(root, path) {
  const parts = path.split('.');
  for (let length = parts.length; length > 1; length -= 1) {
    const wanted = parts.slice(0, length).join('.');
    const place = root.querySelector(`[data-path="${CSS.escape(wanted)}"]`);
    if (place?.querySelector(':scope > .wl-error')) {
      return place;
    }
  }
  return null;
}
