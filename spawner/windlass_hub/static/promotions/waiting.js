/** One promotion that waits: what, by whom, why, whose approval it needs, and what can be done about it. */
import { button, h, newId } from '../admin/dom.js';
import { time } from '../admin/words.js';

/** From where to where, in words. @param {any} item */
export function fromTo(item) {
  const from = item.from_version ? `version ${item.from_version}` : 'no version';
  return `${from} → ${item.to_version ? `version ${item.to_version}` : 'no version'}`;
}

/** What is moved. @param {any} item */
export function target(item) {
  return item.alias ?? `stage ${item.stage}`;
}

/**
 * @param {any} item
 * @param {{note: string, compare: () => void, answer: (decision: 'approve' | 'refuse' | 'withdraw') => void}} options
 */
export function waitingCard(item, { note, compare, answer }) {
  const heading = newId();
  const about = `${target(item)} of ${item.model}`;
  return h(
    'li',
    { class: 'card', 'aria-labelledby': heading },
    h(
      'div',
      { class: 'card-body' },
      h('h3', { id: heading, class: 'h6' }, `${item.model}: ${target(item)}, ${fromTo(item)}`),
      h('p', { class: 'wl-small' }, `Asked by ${item.by}, ${time(item.asked_at)}. ${needs(item)}`),
      item.comment && h('p', { class: 'wl-comment' }, item.comment),
      item.message && h('p', { class: 'wl-small', role: 'status' }, item.message),
      ...item.approvals.map(said),
      h('p', { class: 'wl-small wl-protection', 'data-model': item.model, 'aria-live': 'polite' }, note),
      h(
        'div',
        { class: 'wl-actions' },
        button('Compare…', compare, { 'aria-label': `Compare the versions for ${about}` }),
        item.may_approve &&
          button('Approve…', () => answer('approve'), {
            class: 'btn-primary',
            'aria-label': `Approve ${about}`
          }),
        item.may_approve &&
          button('Refuse…', () => answer('refuse'), {
            class: 'btn-outline-danger',
            'aria-label': `Refuse ${about}`
          }),
        item.may_withdraw &&
          button('Withdraw…', () => answer('withdraw'), { 'aria-label': `Withdraw ${about}` })
      )
    )
  );
}

/** What somebody said. @param {any} approval */
export function said(approval) {
  const verb = approval.approved ? 'approved' : 'refused';
  return h(
    'p',
    { class: 'wl-small' },
    `${approval.by} ${verb} it, ${time(approval.at)}${approval.comment ? `: ${approval.comment}` : ''}`
  );
}

/** @param {any} item */
function needs(item) {
  return item.needs ? `It needs the approval of ${item.needs}.` : '';
}
