/** Asks for the comment of an answer, and sends it. */
import { fill, h, newId } from '../admin/dom.js';
import { openDialog } from '../admin/dialogs.js';
import { fromTo, target } from './waiting.js';

const WORDS = {
  approve: {
    title: 'Approve',
    does: 'moves when it has all its approvals',
    label: 'Approve',
    kind: 'btn-primary'
  },
  refuse: { title: 'Refuse', does: 'stays where it is', label: 'Refuse', kind: 'btn-danger' },
  withdraw: { title: 'Withdraw', does: 'stays where it is', label: 'Withdraw', kind: 'btn-primary' }
};

/**
 * The promotion as it stands after the answer; null when none was given.
 *
 * @param {import('../admin/api.js').Api} api
 * @param {any} item
 * @param {'approve' | 'refuse' | 'withdraw'} decision
 * @returns {Promise<any>}
 */
export function askForAnswer(api, item, decision) {
  const { title, does, label, kind } = WORDS[decision];
  return new Promise(resolve => {
    /** @type {any} */
    let ended = null;
    const id = newId();
    const comment = h('textarea', { id, class: 'form-control', rows: '3', maxlength: '2000' });
    const wrong = h('div', { role: 'alert' });
    const send = async () => {
      dialog.busy(true);
      fill(wrong);
      try {
        const path = `api/models/${encodeURIComponent(item.model)}/promotions/${item.id}`;
        ended = await api.ask(path, { method: 'POST', json: { decision, comment: comment.value } });
        dialog.close();
      } catch (error) {
        dialog.busy(false);
        fill(
          wrong,
          h('p', { class: 'alert alert-danger' }, error instanceof Error ? error.message : String(error))
        );
      }
    };
    const act = () => {
      void send();
      return false;
    };
    const dialog = openDialog({
      title: `${title}: ${target(item)} of ${item.model}`,
      body: [
        h('p', {}, `${fromTo(item)}. ${capital(target(item))} ${does}.`),
        h('label', { for: id, class: 'form-label' }, 'Why (kept in the log)'),
        comment,
        wrong
      ],
      actions: [{ label, kind, act }],
      onclose: () => resolve(ended)
    });
    comment.focus();
  });
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
