/** Fields of several values: tables of names and values, lists of entries, a choice of many in order. */
import { button, fill, h, newId } from './dom.js';
import { asNumber, dotted } from './fields.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {import('./draft.js').Path} Path */
/** @typedef {import('./fields.js').Spec} Spec */

/**
 * Names with a value each, as node selectors, variables or prices.
 *
 * @param {Draft} draft
 * @param {Path} path
 * @param {Spec & {nameLabel: string, valueLabel: string, numeric?: boolean, add: string}} spec
 */
export function pairs(draft, path, spec) {
  /** @type {[string, any][]} */
  const rows = Object.entries(draft.get(path) || {});
  const body = h('div', { class: 'wl-rows' });
  const error = newId();
  const keep = () => {
    const twice = rows.find(
      ([name], at) => name && rows.some(([other], before) => before < at && other === name)
    );
    note.textContent = twice ? `${twice[0]} is there twice; only its last value counts.` : '';
    draft.set(path, Object.fromEntries(rows.filter(([name]) => name !== '')));
  };
  const note = h('div', { class: 'wl-error', 'aria-live': 'polite' });
  const show = (/** @type {number} */ focus = -1) => {
    fill(
      body,
      rows.map((_, at) => row(at))
    );
    if (focus >= 0) {
      /** @type {HTMLElement | null} */ (
        body.children[Math.min(focus, rows.length - 1)]?.querySelector('input') ?? adder
      )?.focus();
    }
  };
  const cell = (/** @type {number} */ at, /** @type {0 | 1} */ part, /** @type {string} */ label) => {
    const control = h('input', {
      type: 'text',
      class: 'form-control form-control-sm',
      'aria-label': label,
      'aria-describedby': error,
      placeholder: label,
      autocomplete: 'off',
      spellcheck: 'false',
      value: String(rows[at][part]),
      oninput: () => {
        rows[at][part] = part === 1 && spec.numeric ? (asNumber(control.value) ?? '') : control.value;
        keep();
      }
    });
    return control;
  };
  const row = (/** @type {number} */ at) =>
    h(
      'div',
      { class: 'wl-pair', 'data-path': dotted([...path, rows[at][0]]) },
      cell(at, 0, spec.nameLabel),
      cell(at, 1, spec.valueLabel),
      remover(`Remove ${rows[at][0] || 'this row'}`, () => {
        rows.splice(at, 1);
        keep();
        show(at);
      })
    );
  const adder = button(spec.add, () => {
    rows.push(['', '']);
    show(rows.length - 1);
  });
  show();
  return composite(path, spec, error, body, note, adder);
}

/**
 * A list of entries with fields of their own.
 *
 * @param {Draft} draft
 * @param {Path} path
 * @param {Spec & {add: string, blank: () => any, entry: (path: Path, again: () => void) => Node[], name: (item: any) => string}} spec
 */
export function entries(draft, path, spec) {
  const body = h('div', { class: 'wl-rows' });
  const again = () => {
    const at = document.activeElement?.closest('[data-path]')?.getAttribute('data-path');
    show();
    const place = at && body.querySelector(`[data-path="${CSS.escape(at)}"]`);
    place && /** @type {HTMLElement | null} */ (place.querySelector('input, select'))?.focus();
  };
  const show = () => {
    const items = draft.get(path) || [];
    fill(
      body,
      items.map((/** @type {any} */ item, /** @type {number} */ at) =>
        h(
          'div',
          {
            class: 'wl-entry',
            role: 'group',
            'aria-label': `${spec.label} ${at + 1}`,
            'data-path': dotted([...path, at])
          },
          h('div', { class: 'wl-error', 'aria-live': 'polite' }),
          h('div', { class: 'wl-fields' }, ...spec.entry([...path, at], again)),
          remover(`Remove ${spec.name(item) || `entry ${at + 1}`}`, () => {
            draft.remove(path, at);
            show();
            const next = body.children[Math.min(at, body.children.length - 1)];
            /** @type {HTMLElement} */ (next?.querySelector(':scope > .wl-remove') ?? adder).focus();
          })
        )
      )
    );
  };
  const adder = button(spec.add, () => {
    draft.insert(path, spec.blank());
    show();
    /** @type {HTMLElement | null} */ (body.lastElementChild?.querySelector('input, select'))?.focus();
  });
  show();
  return composite(path, spec, newId(), body, adder);
}

/**
 * Several of what there is. Where the order counts, the first chosen one is the default.
 *
 * @param {Draft} draft
 * @param {Path} path
 * @param {Spec & {options: {value: string, label: string}[], ordered?: boolean}} spec
 */
export function several(draft, path, spec) {
  const error = newId();
  const body = h('div', { class: 'wl-several' });
  const show = () => {
    /** @type {string[]} */
    const chosen = draft.get(path) || spec.fallback || [];
    const unknown = chosen.filter(value => !spec.options.some(option => option.value === value));
    const options = [
      ...spec.options,
      ...unknown.map(value => ({ value, label: `${value} (not in images)` }))
    ];
    fill(
      body,
      options.map((option, index) => {
        const id = `${error}-${index}`;
        const at = chosen.indexOf(option.value);
        const toggle = () => {
          const now = at < 0 ? [...chosen, option.value] : chosen.filter(value => value !== option.value);
          draft.set(path, String(now) === String(spec.fallback || []) ? undefined : now);
          show();
          document.getElementById(id)?.focus();
        };
        const first = () => {
          draft.set(path, [option.value, ...chosen.filter(value => value !== option.value)]);
          show();
          document.getElementById(id)?.focus();
        };
        const box = h('input', {
          type: 'checkbox',
          class: 'form-check-input',
          id,
          checked: at >= 0,
          'aria-describedby': error,
          onchange: toggle
        });
        return h(
          'div',
          { class: 'form-check wl-option' },
          box,
          h('label', { for: id, class: 'form-check-label' }, option.label),
          spec.ordered && at === 0 && h('span', { class: 'badge text-bg-secondary' }, 'default'),
          spec.ordered &&
            at > 0 &&
            button('Make default', first, {
              class: 'btn-link',
              'aria-label': `Make default: ${option.label}`
            })
        );
      })
    );
  };
  show();
  return composite(path, spec, error, body);
}

/** @param {Path} path @param {Spec} spec @param {string} error @param {...Node} parts */
function composite(path, spec, error, ...parts) {
  const title = newId();
  return h(
    'div',
    { class: 'wl-field wl-whole', role: 'group', 'aria-labelledby': title, 'data-path': dotted(path) },
    h('div', { id: title, class: 'form-label' }, spec.label),
    spec.help && h('div', { class: 'form-text' }, spec.help),
    h('div', { id: error, class: 'wl-error', 'aria-live': 'polite' }),
    ...parts
  );
}

/** @param {string} label @param {() => void} act */
function remover(label, act) {
  return button('✕', act, { 'aria-label': label, title: label, class: 'btn-outline-danger wl-remove' });
}
