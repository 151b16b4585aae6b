/** Both versions side by side: what an approver looks at. Values that differ are marked by a word, not by colour alone. */
import { h } from '../admin/dom.js';
import { openDialog } from '../admin/dialogs.js';
import { empty, loadInto, table } from '../admin/states.js';
import { target } from './waiting.js';

/** @param {import('../admin/api.js').Api} api @param {any} item */
export function showComparison(api, item) {
  const body = h('div');
  openDialog({
    title: `${item.model}: what ${target(item)} is at, and what it is to be`,
    body: [body],
    actions: [],
    closeLabel: 'Close',
    wide: true
  });
  const path = `api/models/${encodeURIComponent(item.model)}/promotions/${item.id}/comparison`;
  void loadInto(body, { load: () => api.ask(path), show: compared });
}

/** @param {any} found */
function compared({ before, after, more }) {
  const heads = [
    '',
    before ? `Version ${before.version}` : 'No version',
    after ? `Version ${after.version}` : 'Gone'
  ];
  const [old, now] = [facts(before), facts(after)];
  const metrics = rows(before?.metrics, after?.metrics);
  const params = rows(before?.params, after?.params);
  return [
    table(
      'The versions',
      heads,
      Object.keys(old).map(name => [name, old[name], now[name]])
    ),
    h('h3', { class: 'h6' }, 'Metrics of their runs'),
    metrics.length ? table('Metrics', heads, metrics) : empty('Their runs have no metrics.'),
    h('h3', { class: 'h6' }, 'Parameters of their runs'),
    params.length ? table('Parameters', heads, params) : empty('Their runs have no parameters.'),
    more && h('p', { class: 'wl-small' }, 'There are more values than are shown here.')
  ];
}

/** @param {any} side @returns {Record<string, string>} */
function facts(side) {
  return {
    Run: value(side?.run_name ?? side?.run_id),
    By: value(side?.by),
    Description: value(side?.description)
  };
}

/** @param {Record<string, any>} [before] @param {Record<string, any>} [after] */
function rows(before = {}, after = {}) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.map(name => {
    const [old, now] = [before[name], after[name]];
    const mark = old === now ? null : h('span', { class: 'badge text-bg-info' }, 'differs');
    return [name, value(old), [value(now), ' ', mark]];
  });
}

/** What is not there is not 0. @param {any} given */
function value(given) {
  return given === undefined || given === null ? '–' : String(given);
}
