/** Budgets as rows: what is spent of which limit, in words, as a bar and as a state; what an admin may do about each. */
import { button, h } from '../admin/dom.js';
import { empty, table } from '../admin/states.js';
import { count, money } from '../admin/words.js';

const STATES = {
  ok: ['text-bg-success', 'within'],
  warning: ['text-bg-warning', 'nearly used'],
  over: ['text-bg-danger', 'used up']
};
/** Of people who are within theirs so many are shown at once: a hub may have a budget for each of its users. */
const MOST_WITHIN = 5;

/** @typedef {((budget: any, decision: any) => void) | null} Decide */

/** @param {any[]} items @param {Decide} decide @param {boolean} isOpen whether those that are folded away are shown */
export function budgetList(items, decide, isOpen) {
  if (!items.length) {
    return [empty('There is no budget, or it is not known yet how it stands.')];
  }
  const isCalm = (/** @type {any} */ item) => item.scope === 'user' && item.state === 'ok' && !item.refuses;
  const calm = items.filter(isCalm);
  if (calm.length <= MOST_WITHIN) {
    return [budgetTable('Budgets', items, decide)];
  }
  const others = items.filter(item => !isCalm(item));
  return [
    others.length > 0 && budgetTable('Budgets', others, decide),
    h(
      'details',
      { class: 'wl-budgets-within', open: isOpen },
      h('summary', {}, `${count(calm.length, 'budget')} of people who are within theirs`),
      budgetTable('Budgets of people who are within theirs', calm, decide)
    )
  ];
}

/** @param {string} caption @param {any[]} items @param {Decide} decide */
function budgetTable(caption, items, decide) {
  const heads = ['Budget', 'Since (UTC)', 'Spent', 'State', ...(decide ? ['For this period'] : [])];
  const rows = items.map(item => [
    `${item.scope === 'group' ? 'Group ' : ''}${item.name}, each ${item.period}`,
    // Periods are of UTC: in another zone the first of a month would be the last of the one before.
    new Date(item.starts_at).toLocaleDateString(undefined, { dateStyle: 'medium', timeZone: 'UTC' }),
    spent(item),
    state(item),
    ...(decide ? [actions(item, decide)] : [])
  ]);
  return table(caption, heads, rows, { kind: 'wl-budgets' });
}

/** @param {any} item */
function spent(item) {
  const part = item.limit_usd > 0 ? item.spent_usd / item.limit_usd : 0;
  const words = `${money(item.spent_usd)} of ${money(item.limit_usd)} (${percent(part)})`;
  return [
    h('div', {}, words),
    h('meter', {
      min: 0,
      max: 1,
      // Green below the first, amber below the second, else red; the value itself is never above the last.
      low: item.warn_at,
      high: 0.999999,
      optimum: 0,
      value: Math.min(1, part),
      'aria-label': words
    }),
    item.unknown_jobs > 0 &&
      h('div', { class: 'wl-small' }, `${count(item.unknown_jobs, 'job')} of unknown cost not in it`)
  ];
}

/** Never rounded up to all of it, nor down to nothing. @param {number} part */
function percent(part) {
  if (part > 0 && part < 0.01) {
    return 'below 1 %';
  }
  return `${part < 1 ? Math.floor(100 * part) : Math.round(100 * part)} %`;
}

/** @param {any} item */
function state(item) {
  const [look, words] = /** @type {Record<string, string[]>} */ (STATES)[item.state] ?? [
    'text-bg-secondary',
    item.state
  ];
  return [
    h('span', { class: `badge ${look}` }, words),
    (item.refuses || item.blocks) &&
      h('div', { class: 'wl-small' }, item.refuses ? 'nothing new starts' : 'blocks when used up')
  ];
}

/** @param {any} item @param {(budget: any, decision: any) => void} decide */
function actions(item, decide) {
  const act = (/** @type {string} */ words, /** @type {string} */ means, /** @type {any} */ decision) =>
    button(words, () => decide(item, decision), { 'aria-label': `${words}: ${item.name}`, title: means });
  const half = { extra_usd: item.limit_usd / 2, note: 'raised by a half on the page of costs' };
  return h(
    'div',
    { class: 'wl-cost-actions' },
    act('Raise by a half', `${money(item.limit_usd * 1.5)} in this ${item.period}`, half),
    act('Do not block', 'Whatever is spent, it refuses nothing until the period ends', { action: 'exempt' }),
    act('Hold', 'Nothing new starts until the period ends, whatever was spent', { action: 'hold' }),
    act('As written', 'Takes back what was decided for this period', {})
  );
}
