/**
 * Form fields bound to a place in the draft. Each has a label, help, and a place for what is wrong with it, tied
 * together for screen readers. Composite ones (lists, tables) are in composites.js.
 */
import { h, newId } from './dom.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {import('./draft.js').Path} Path */

/**
 * @typedef {object} Spec
 * @property {string} label
 * @property {string} [help]
 * @property {string} [placeholder]
 * @property {any} [fallback] the value when none is kept
 * @property {boolean} [required]
 * @property {boolean} [wide]
 * @property {() => void} [after] called after each change
 */

/** The dotted form in which the service names places. @param {Path} path */
export const dotted = path => path.join('.');

/**
 * A label, a control, its help and its errors.
 *
 * @param {Path} path
 * @param {Spec} spec
 * @param {HTMLElement} control
 */
export function field(path, spec, control) {
  const [help, error] = [newId(), newId()];
  control.id ||= newId();
  control.setAttribute('aria-describedby', spec.help ? `${error} ${help}` : error);
  return h(
    'div',
    { class: `wl-field ${spec.wide ? 'wl-whole' : ''}`, 'data-path': dotted(path) },
    h(
      'label',
      { for: control.id, class: 'form-label' },
      spec.label,
      spec.required && h('span', { class: 'wl-needed' }, ' (needed)')
    ),
    control,
    h('div', { id: error, class: 'wl-error', 'aria-live': 'polite' }),
    spec.help && h('div', { id: help, class: 'form-text' }, spec.help)
  );
}

/** One line of text. @param {Draft} draft @param {Path} path @param {Spec} spec */
export function text(draft, path, spec) {
  const control = input(draft.get(path) ?? '', spec, value => draft.set(path, value));
  return field(path, spec, control);
}

/** A number; what is no number is sent as typed, so that the service says what is wrong. @param {Draft} draft @param {Path} path @param {Spec} spec */
export function number(draft, path, spec) {
  const shown = draft.get(path) ?? spec.fallback ?? '';
  const control = input(shown, spec, typed => {
    const value = asNumber(typed);
    draft.set(path, value === spec.fallback ? undefined : value);
  });
  control.inputMode = 'decimal';
  return field(path, spec, control);
}

/** Some lines of text. @param {Draft} draft @param {Path} path @param {Spec} spec */
export function area(draft, path, spec) {
  const control = h('textarea', {
    class: 'form-control form-control-sm',
    rows: 2,
    value: draft.get(path) ?? '',
    oninput: () => changed(spec, () => draft.set(path, control.value))
  });
  return field(path, { ...spec, wide: true }, control);
}

/** One of several. @param {Draft} draft @param {Path} path @param {Spec & {options: [string, string][]}} spec */
export function choice(draft, path, spec) {
  const kept = draft.get(path) ?? spec.fallback;
  const control = h(
    'select',
    {
      class: 'form-select form-select-sm',
      onchange: () =>
        changed(spec, () => draft.set(path, control.value === spec.fallback ? undefined : control.value))
    },
    ...spec.options.map(([value, label]) => h('option', { value, selected: value === kept }, label))
  );
  return field(path, spec, control);
}

/** Yes or no. @param {Draft} draft @param {Path} path @param {Spec} spec */
export function check(draft, path, spec) {
  const [id, help, error] = [newId(), newId(), newId()];
  const control = h('input', {
    type: 'checkbox',
    class: 'form-check-input',
    id,
    checked: Boolean(draft.get(path)),
    'aria-describedby': `${error} ${help}`,
    onchange: () => changed(spec, () => draft.set(path, control.checked))
  });
  return h(
    'div',
    { class: 'wl-field form-check', 'data-path': dotted(path) },
    control,
    h('label', { for: id, class: 'form-check-label' }, spec.label),
    h('div', { id: error, class: 'wl-error', 'aria-live': 'polite' }),
    h('div', { id: help, class: 'form-text' }, spec.help || '')
  );
}

/** Several names, one per line. @param {Draft} draft @param {Path} path @param {Spec} spec */
export function names(draft, path, spec) {
  const kept = draft.get(path) || [];
  const control = h('textarea', {
    class: 'form-control form-control-sm',
    rows: Math.max(2, Math.min(6, kept.length + 1)),
    value: kept.join('\n'),
    oninput: () => changed(spec, () => draft.set(path, lines(control.value)))
  });
  return field(path, spec, control);
}

/** A titled group of fields. @param {string} title @param {...(Node | null | false)} fields */
export function group(title, ...fields) {
  return h(
    'fieldset',
    { class: 'wl-group' },
    h('legend', { class: 'h6' }, title),
    h('div', { class: 'wl-fields' }, ...fields)
  );
}

/** A line of text that tells every keystroke. @param {unknown} value @param {Spec} spec @param {(typed: string) => void} keep */
export function input(value, spec, keep) {
  const control = h('input', {
    type: 'text',
    class: 'form-control form-control-sm',
    value: String(value),
    placeholder: spec.placeholder,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-required': spec.required ? 'true' : null,
    oninput: () => changed(spec, () => keep(control.value))
  });
  return control;
}

/** @param {string} typed @returns {number | string | undefined} */
export function asNumber(typed) {
  const trimmed = typed.trim();
  return trimmed === '' ? undefined : /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}

/** @param {Spec} spec @param {() => void} keep */
function changed(spec, keep) {
  keep();
  spec.after?.();
}

/** @param {string} typed */
function lines(typed) {
  return typed
    .split('\n')
    .map(name => name.trim())
    .filter(name => name !== '');
}
