/** What was spent as a table: money, idle money, hours of cards, and what is missing in each sum. */
import { h } from '../admin/dom.js';
import { empty, table } from '../admin/states.js';
import { count, money } from '../admin/words.js';

const HEADS = {
  user: 'User',
  group: 'Group',
  job: 'Job or server',
  experiment: 'Experiment',
  model: 'Model',
  day: 'Day'
};
const NUMBERS = ['Cost', 'Idle', 'GPU hours', 'Idle hours', 'Jobs'];

/** @param {any} report */
export function costTable(report) {
  if (!report.items.length) {
    return [empty('Nothing was spent in this time, as far as the hub has seen.'), notes(report.notes)];
  }
  const head = /** @type {Record<string, string>} */ (HEADS)[report.by] ?? 'What';
  const rows = [...report.items, { ...report.total, label: 'All' }].map(cells);
  const cut = report.next_cursor && h('p', { class: 'wl-small' }, 'More rows are in the CSV.');
  return [
    table('What was spent', [head, ...NUMBERS], rows, { kind: 'wl-costs', numbers: NUMBERS }),
    cut,
    notes(report.notes)
  ];
}

/** @param {any} row */
function cells(row) {
  const unknown = row.unknown_jobs > 0;
  const unseen = row.unknown_idle_jobs > 0;
  return [
    row.label || row.key || '(nothing)',
    [
      money(row.usd),
      unknown && row.usd !== null && lacks(`without ${count(row.unknown_jobs, 'job')} of unknown cost`)
    ],
    [
      money(row.idle_usd),
      unseen && row.idle_usd !== null && lacks(`not known of ${count(row.unknown_idle_jobs, 'job')}`)
    ],
    hours(row.gpu_hours),
    hours(row.idle_gpu_hours),
    String(row.jobs)
  ];
}

/** @param {string} words */
function lacks(words) {
  return h('div', { class: 'wl-small wl-lacks' }, words);
}

/** @param {number | null} number */
function hours(number) {
  return number === null ? 'unknown' : number.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** @param {string[]} sentences */
function notes(sentences) {
  return h('ul', { class: 'wl-small wl-cost-notes' }, ...sentences.map(sentence => h('li', {}, sentence)));
}
