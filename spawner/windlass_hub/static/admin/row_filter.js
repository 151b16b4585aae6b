/** A box that leaves those rows of a long table that hold every word typed into it. */
import { h, newId } from './dom.js';

/** Fewer are found faster by looking. */
const FROM = 9;

/**
 * @param {{label: string, rows: () => HTMLElement[]}} options `rows` are those that are shown now
 */
export function rowFilter({ label, rows }) {
  const found = h('span', { role: 'status', class: 'wl-small' });
  const box = h('input', {
    type: 'search',
    class: 'form-control form-control-sm',
    id: newId(),
    placeholder: 'a name, a GPU, a group …',
    autocomplete: 'off',
    spellcheck: 'false',
    oninput: () => apply()
  });
  const element = h(
    'div',
    { class: 'wl-filter' },
    h('label', { for: box.id, class: 'form-label' }, label),
    box,
    found
  );
  /** Again, after the rows were made anew. */
  const apply = () => {
    const all = rows();
    element.toggleAttribute('hidden', all.length < FROM && box.value === '');
    const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = all.filter(row => {
      const words = (row.textContent || '').toLowerCase();
      const fits = wanted.every(word => words.includes(word));
      row.toggleAttribute('hidden', !fits);
      return fits;
    });
    found.textContent = wanted.length ? `${fitting.length || 'none'} of ${all.length}` : '';
  };
  return { element, apply };
}
