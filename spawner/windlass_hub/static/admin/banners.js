/** What holds for the whole catalogue: whose it is, that it is broken, old or not there yet, that edits are unsaved. */
import { button, fill, h } from './dom.js';
import { confirmed } from './dialogs.js';
import { listFindings } from './findings.js';
import { review } from './review.js';
import { importYaml } from './transfer.js';
import { count } from './words.js';

/** @typedef {import('./main.js').Page} Page */

/** Everything there is to say about what was loaded. @param {Page} page @returns {HTMLElement[]} */
export function banners(page) {
  const { kept, draft } = page;
  const found = [];
  if (kept.owner) {
    found.push(
      banner(
        'info',
        h('strong', {}, 'Read-only. '),
        `The profiles are kept by ${kept.owner}: change them there; what changes there is shown here.`
      )
    );
  }
  if (!page.mayWrite) {
    found.push(
      banner(
        'secondary',
        'You may look, and change nothing: that needs the permission custom:windlass:profiles:write.'
      )
    );
  }
  if (kept.stale) {
    found.push(banner('warning', `The profiles cannot be read now, an older copy holds: ${kept.stale}`));
  }
  if (kept.broken) {
    found.push(brokenBanner(page));
  }
  if (kept.missing) {
    const start = () => draft.rebase({ document: kept.examples, base: {}, revision: '' });
    found.push(
      banner(
        'warning',
        h('p', {}, kept.missing),
        page.mayEdit && kept.examples && button('Start from the examples', start, { class: 'btn-primary' })
      )
    );
  }
  return found;
}

/** What is kept does not read: what is wrong with it, and the ways back. @param {Page} page */
function brokenBanner(page) {
  const { kept, draft } = page;
  const hasCopy = Boolean(kept.catalogue.profiles?.length);
  const takeCopy = () => draft.rebase({ document: kept.catalogue, base: {}, revision: kept.revision });
  return banner(
    'danger',
    h(
      'p',
      {},
      'What is kept was edited by hand and does not read. ',
      hasCopy
        ? 'Servers start with the last good copy, which is shown here.'
        : 'There is no good copy of it yet: nobody can start a server until it is corrected.'
    ),
    listFindings(kept.broken.problems, path => path),
    h(
      'details',
      { class: 'mb-2' },
      h('summary', {}, 'The broken text'),
      h('pre', { class: 'wl-yaml', tabindex: '0' }, kept.broken.text)
    ),
    page.mayEdit &&
      h(
        'div',
        { class: 'wl-actions' },
        button('Correct the text…', () => importYaml(page, kept.broken.text), { class: 'btn-primary' }),
        hasCopy && button('Go back to the good copy', takeCopy)
      )
  );
}

/**
 * The bar that is there while something is not saved.
 *
 * @param {Page} page
 */
export function unsavedBar(page) {
  const { draft, checks } = page;
  const words = h('span', { role: 'status' });
  const save = button('Review and save…', () => void review(page), { class: 'btn-primary' });
  const discard = async () => {
    const text = 'What you changed since the last save is lost.';
    if (await confirmed({ title: 'Discard your changes?', text, yes: 'Discard' })) {
      await page.reload();
    }
  };
  const homeless = h('div', { class: 'wl-homeless' });
  const bar = h(
    'div',
    { class: 'wl-unsaved', hidden: true },
    homeless,
    h(
      'div',
      { class: 'wl-toolbar' },
      words,
      save,
      button('Discard…', () => void discard())
    )
  );
  const show = () => {
    const hadFocus = bar.contains(document.activeElement);
    bar.toggleAttribute('hidden', !draft.isChanged);
    if (hadFocus && !draft.isChanged) {
      page.focusPanel();
    }
    const wrong = checks.problems.length;
    const said = !checks.isCurrent
      ? 'Changes that are not saved.'
      : wrong
        ? `${count(wrong, 'thing')} to correct before it can be saved.`
        : `${count(checks.changes.length, 'change')} not saved.`;
    const words_ = checks.failure ? `Changes that are not saved. ${checks.failure}` : said;
    if (words.textContent !== words_) {
      words.textContent = words_;
    }
    const elsewhere = page.homeless;
    fill(homeless, elsewhere.length ? listFindings(elsewhere, path => page.named(path)) : null);
  };
  draft.addEventListener('change', show);
  draft.addEventListener('reset', show);
  return { element: bar, show };
}

/** @param {string} kind @param {...import('./dom.js').Child} children */
function banner(kind, ...children) {
  return h('div', { class: `alert alert-${kind}`, role: 'note' }, ...children);
}
