/**
 * Somebody else saved while this was edited: what they changed, where both want different things, and the ways on.
 * Nothing typed is lost on any of them but the one that says so.
 */
import { h, newId } from './dom.js';
import { confirmed, openDialog } from './dialogs.js';
import { changeList } from './states.js';
import { time } from './words.js';

/** @typedef {import('./main.js').Page} Page */
/** @typedef {{path: string[], mine: any, theirs: any}} Clash */
/** @typedef {{revision: string, current: any, merged: any, clashes: Clash[], changes: any[], saved_by: string | null, saved_at: string | null, note: string | null}} Told */

/**
 * Show the conflict and offer to merge or to start over.
 *
 * @param {Page} page
 * @param {Told} told
 */
export function resolveConflict(page, told) {
  const { draft } = page;
  const who = told.saved_by || 'Somebody';
  /** @type {Map<Clash, boolean>} */
  const theirs = new Map();
  const merge = () => {
    const document = structuredClone(told.merged);
    theirs.forEach((isTheirs, clash) => {
      if (isTheirs) {
        putAt(document, clash.path, clash.theirs);
      }
    });
    draft.rebase({ document, base: told.current, revision: told.revision });
    page.tell('Both edits are together now and nothing is saved yet: look it over, then save.', 'info');
  };
  const startOver = async () => {
    const text = 'What you changed is lost; what is saved now is shown.';
    if (await confirmed({ title: 'Drop your changes?', text, yes: 'Drop mine' })) {
      draft.begin({ catalogue: told.current, revision: told.revision });
    }
  };
  openDialog({
    title: 'Somebody else saved in the meantime',
    wide: true,
    body: [
      h(
        'p',
        {},
        `${who} saved${told.saved_at ? ` on ${time(told.saved_at)}` : ''}${told.note ? `, saying “${told.note}”` : ''}. It changed:`
      ),
      told.changes.length ? changeList(told.changes) : h('p', {}, 'Nothing but the text.'),
      ...(told.clashes.length
        ? [
            h('h3', { class: 'h6' }, 'Both of you changed'),
            ...told.clashes.map(clash => question(page, clash, theirs))
          ]
        : []),
      told.merged ? null : h('p', {}, 'The two cannot be brought together by machine.')
    ],
    actions: [
      ...(told.merged ? [{ label: 'Bring both together', act: merge }] : []),
      { label: 'Drop mine', kind: 'btn-outline-danger', act: () => void startOver() }
    ],
    closeLabel: 'Go on editing'
  });
}

/** @param {Page} page @param {Clash} clash @param {Map<Clash, boolean>} theirs */
function question(page, clash, theirs) {
  theirs.set(clash, false);
  const name = newId();
  const option = (/** @type {boolean} */ isTheirs, /** @type {any} */ value) => {
    const id = newId();
    const box = h('input', {
      type: 'radio',
      class: 'form-check-input',
      id,
      name,
      checked: !isTheirs,
      onchange: () => theirs.set(clash, isTheirs)
    });
    const label = h(
      'label',
      { for: id, class: 'form-check-label' },
      `${isTheirs ? 'theirs' : 'yours'}: ${said(value)}`
    );
    return h('div', { class: 'form-check' }, box, label);
  };
  return h(
    'fieldset',
    { class: 'wl-clash' },
    h('legend', { class: 'h6' }, page.named(clash.path.join('.'))),
    option(false, clash.mine),
    option(true, clash.theirs)
  );
}

/** @param {any} value */
function said(value) {
  if (value === null) {
    return 'left out';
  }
  return typeof value === 'object' ? value.display_name || JSON.stringify(value) : String(value);
}

/**
 * Put a value where a clash says, naming list entries by slug; null takes it out.
 *
 * @param {any} document
 * @param {string[]} path
 * @param {any} value
 */
export function putAt(document, path, value) {
  const [section, slug, ...rest] = path;
  const isList = section === 'profiles' || section === 'images';
  if (!isList) {
    put(document, path, value);
    return;
  }
  const list = (document[section] ??= []);
  const index = list.findIndex((/** @type {any} */ item) => item.slug === slug);
  if (rest.length) {
    put(list[index], rest, value);
  } else if (index >= 0 && value === null) {
    list.splice(index, 1);
  } else if (index >= 0) {
    list[index] = value;
  } else if (value !== null) {
    list.push(value);
  }
}

/** @param {any} target @param {string[]} path @param {any} value */
function put(target, path, value) {
  const last = path[path.length - 1];
  let here = target;
  for (const part of path.slice(0, -1)) {
    here = here[part] ??= {};
  }
  if (value === null) {
    delete here[last];
  } else {
    here[last] = value;
  }
}
