/** The pod that a profile gives as it stands in the draft, saved or not. */
import { fill, h, newId } from './dom.js';
import { Problem } from './api.js';

/** @typedef {import('./main.js').Page} Page */

const QUIET_MILLISECONDS = 500;

/**
 * A panel with the pod of the profile at `at`; `later` asks for it anew, if the panel is open.
 *
 * @param {Page} page
 * @param {number} at
 */
export function podPreview(page, at) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let shown = '';
  const text = h('pre', { class: 'wl-yaml', tabindex: '0', 'aria-label': 'The pod as YAML' });
  const said = h('p', { class: 'wl-small', role: 'status' });
  const image = h('select', { class: 'form-select form-select-sm', id: newId(), onchange: () => void ask() });
  const details = h(
    'details',
    {
      class: 'wl-preview',
      open: page.showsPod,
      ontoggle: () => {
        page.showsPod = details.open;
        void ask();
      }
    },
    h('summary', { class: 'h6' }, 'The pod it gives'),
    h('label', { class: 'form-label', for: image.id }, 'Image'),
    image,
    said,
    text
  );
  const ask = async () => {
    if (!details.open) {
      return;
    }
    const profile = page.draft.get(['profiles', at]);
    const slugs = profile?.images || [];
    if (slugs.join() !== [...image.options].map(option => option.value).join()) {
      const kept = image.value;
      fill(
        image,
        ...slugs.map((/** @type {string} */ slug) =>
          h('option', { value: slug, selected: slug === kept }, slug)
        )
      );
    }
    const json = {
      catalogue: page.draft.document,
      profile: profile?.slug,
      ...(image.value ? { image: image.value } : {})
    };
    if (JSON.stringify(json) === shown) {
      return;
    }
    said.textContent = 'Working it out…';
    try {
      const found = await page.api.ask('api/admin/preview', { method: 'POST', json });
      shown = JSON.stringify(json);
      text.textContent = found.yaml;
      said.textContent = 'As it would be made for a user named example.';
    } catch (error) {
      const invalid = error instanceof Problem && error.status === 422;
      said.textContent = invalid
        ? 'Shown again once what is wrong is corrected.'
        : String(error instanceof Error ? error.message : error);
    }
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), QUIET_MILLISECONDS);
  };
  return { element: details, later };
}
