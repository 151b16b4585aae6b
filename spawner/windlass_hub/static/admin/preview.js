/** The pod that a profile gives as it stands in the draft, saved or not. */
import { fill, h, newId } from './dom.js';
import { Problem } from './api.js';

/** @typedef {import('./main.js').Page} Page */

const QUIET_MILLISECONDS = 500;
const AS_MADE = 'As it would be made for a user named example.';

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
  /** @type {AbortController | null} */
  let asking = null;
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
    offer(image, profile?.images || []);
    const json = {
      catalogue: page.draft.document,
      profile: profile?.slug,
      ...(image.value ? { image: image.value } : {})
    };
    asking?.abort();
    // Written out now: the draft goes on changing while the answer is on its way.
    const wanted = JSON.stringify(json);
    if (wanted === shown) {
      said.textContent = AS_MADE;
      return;
    }
    said.textContent = 'Working it out…';
    const { signal } = (asking = new AbortController());
    try {
      const found = await page.api.ask('api/admin/preview', {
        method: 'POST',
        json,
        isBackground: true,
        signal
      });
      shown = wanted;
      text.textContent = found.yaml;
      said.textContent = AS_MADE;
    } catch (error) {
      if (!signal.aborted) {
        said.textContent = reason(error);
      }
    }
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), QUIET_MILLISECONDS);
  };
  return { element: details, later };
}

/** Offer these images; the chosen one stays chosen where it is still there. @param {HTMLSelectElement} image @param {string[]} slugs */
function offer(image, slugs) {
  if (slugs.join() !== [...image.options].map(option => option.value).join()) {
    const kept = image.value;
    fill(image, ...slugs.map(slug => h('option', { value: slug, selected: slug === kept }, slug)));
  }
}

/** Why there is no new pod. @param {unknown} error */
function reason(error) {
  if (error instanceof Problem && error.status === 422) {
    return 'Shown again once what is wrong is corrected.';
  }
  return error instanceof Error ? error.message : String(error);
}
