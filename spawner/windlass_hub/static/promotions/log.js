/** The log as a table: when, what, from where to where, who, what became of it and why. */
import { h } from '../admin/dom.js';
import { table } from '../admin/states.js';
import { time } from '../admin/words.js';
import { fromTo, said, target } from './waiting.js';

const BADGES = {
  waiting: 'text-bg-info',
  done: 'text-bg-success',
  refused: 'text-bg-warning',
  withdrawn: 'text-bg-secondary',
  failed: 'text-bg-danger'
};

/** @param {any[]} lines */
export function logTable(lines) {
  const rows = lines.map(line => [
    h('span', { class: 'wl-time' }, time(line.ended_at ?? line.asked_at)),
    line.model,
    target(line),
    fromTo(line),
    line.by,
    h('span', { class: `badge ${badge(line.state)}` }, line.state),
    [
      line.comment && h('div', { class: 'wl-comment' }, line.comment),
      line.message && h('div', { class: 'wl-small' }, line.message),
      ...line.approvals.map(said)
    ]
  ]);
  return table('Promotions', ['When', 'Model', 'What', 'From where to where', 'Who', 'State', 'Why'], rows);
}

/** @param {string} state */
function badge(state) {
  return /** @type {Record<string, string>} */ (BADGES)[state] ?? 'text-bg-secondary';
}
