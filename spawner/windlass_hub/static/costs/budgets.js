/** Budgets as rows: what is spent of which limit, in words, as a bar and as a state; what an admin may do about each. */
import { button, h } from '../admin/dom.js';
import { empty, table } from '../admin/states.js';
import { count, money, time } from '../admin/words.js';

const STATES = {
  ok: ['text-bg-success', 'within'],
  warning: ['text-bg-warning', 'nearly used'],
  over: ['text-bg-danger', 'used up']
};

/** @param {any[]} items @param {((budget: any, decision: any) => void) | null} decide */
export function budgetList(items, decide) {
  if (!items.length) {
    return [empty('There is no budget, or it is not known yet how it stands.')];
  }
  const heads = ['Budget', 'Since', 'Spent', 'State', ...(decide ? ['For this period'] : [])];
  const rows = items.map(item => [
    `${item.scope === 'group' ? 'Group ' : ''}${item.name}, each ${item.period}`,
    time(item.starts_at),
    spent(item),
    state(item),
    ...(decide ? [actions(item, decide)] : [])
  ]);
  return [table('Budgets', heads, rows)];
}

/** @param {any} item */
function spent(item) {
  const part = item.limit_usd > 0 ? item.spent_usd / item.limit_usd : 0;
  const words = `${money(item.spent_usd)} of ${money(item.limit_usd)} (${Math.round(100 * part)} %)`;
  return [
    h('div', {}, words),
    h('meter', {
      min: 0,
      max: 1,
      high: item.warn_at,
      optimum: 0,
      value: Math.min(1, part),
      'aria-label': words
    }),
    item.unknown_jobs > 0 &&
      h(
        'div',
        { class: 'wl-small' },
        `without ${count(item.unknown_jobs, 'job')} of unknown cost, which block nobody`
      )
  ];
}

/** @param {any} item */
function state(item) {
  const [look, words] = /** @type {Record<string, string[]>} */ (STATES)[item.state] ?? [
    'text-bg-secondary',
    item.state
  ];
  return [
    h('span', { class: `badge ${look}` }, words),
    item.blocks &&
      h('div', { class: 'wl-small' }, item.state === 'over' ? 'nothing new starts' : 'blocks when used up')
  ];
}

/** @param {any} item @param {(budget: any, decision: any) => void} decide */
function actions(item, decide) {
  const act = (/** @type {string} */ words, /** @type {any} */ decision) =>
    button(words, () => decide(item, decision), { 'aria-label': `${words}: ${item.name}` });
  return h(
    'div',
    { class: 'wl-cost-actions' },
    act('Raise by a half', { extra_usd: item.limit_usd / 2, note: 'raised by a half on the page of costs' }),
    act('Do not block', { action: 'exempt' }),
    act('Hold', { action: 'hold' }),
    act('As written', {})
  );
}
