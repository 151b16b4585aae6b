/** Approves, refuses or withdraws a promotion that waits, after asking why. */
import { Notification } from '@jupyterlab/apputils';
import * as React from 'react';
import type { Promotion } from '../../api/types';
import { registryOf } from '../../model/registry';
import type { IWindlass } from '../../tokens';
import { AskForm, openAskDialog } from '../ask';
import { TextField } from '../field';

/** What can be said to a promotion. */
export type Decision = 'approve' | 'refuse' | 'withdraw';

interface IAnswerOptions {
  readonly windlass: IWindlass;
  readonly promotion: Promotion;
  readonly decision: Decision;
}

const COMMENT_ID = 'jp-windlass-answer-comment';

/** Ask, and answer. The promotion as it stands then, or null when it was given up. */
export async function openAnswerDialog(options: IAnswerOptions): Promise<Promotion | null> {
  const { trans } = options.windlass;
  const { decision, promotion } = options;
  const form = new AnswerForm(options);
  const words = wordsOf(decision, trans);
  const answered = await openAskDialog({
    title: words.title,
    accept: words.accept,
    form,
    body: () => (
      <fieldset className="jp-WindlassGroup">
        <legend>{promotionText(promotion, trans)}</legend>
        {promotion.comment && (
          <p className="jp-WindlassGroup-summary">
            {trans.__('%1 wrote: %2', promotion.by, promotion.comment)}
          </p>
        )}
        <TextField
          id={COMMENT_ID}
          label={trans.__('Why')}
          value={form.comment}
          help={words.help}
          error={form.refused.comment}
          rows={2}
          isWide
          onChange={comment => form.setComment(comment)}
        />
      </fieldset>
    ),
    focus: `#${COMMENT_ID}`
  });
  if (answered) {
    tell(answered, trans);
  }
  return answered;
}

/** What is moved, from where, to where. */
export function promotionText(promotion: Promotion, trans: IWindlass['trans']): string {
  const what = promotion.alias ?? trans.__('Stage %1', promotion.stage ?? '');
  const { from_version: from, to_version: to } = promotion;
  if (to === '') {
    return trans.__('%1: version %2 → none', what, from ?? '?');
  }
  return from === null
    ? trans.__('%1: none → version %2', what, to)
    : trans.__('%1: version %2 → version %3', what, from, to);
}

class AnswerForm extends AskForm<Promotion> {
  constructor(private readonly _options: IAnswerOptions) {
    super(_options.windlass.trans);
  }

  comment = '';

  readonly obstacle = null;

  setComment(comment: string): void {
    this.comment = comment;
    this.emit();
  }

  protected readonly shown = ['comment'];

  protected async ask(): Promise<Promotion> {
    const { decision, promotion, windlass } = this._options;
    return registryOf(windlass).answer(promotion, { decision, comment: this.comment.trim() });
  }
}

function wordsOf(
  decision: Decision,
  trans: IWindlass['trans']
): { readonly title: string; readonly accept: string; readonly help: string } {
  const kept = trans.__('Kept in the log, with your name and the time.');
  switch (decision) {
    case 'approve':
      return { title: trans.__('Approve promotion'), accept: trans.__('Approve'), help: kept };
    case 'refuse':
      return { title: trans.__('Refuse promotion'), accept: trans.__('Refuse'), help: kept };
    case 'withdraw':
      return { title: trans.__('Withdraw promotion'), accept: trans.__('Withdraw'), help: kept };
  }
}

function tell(promotion: Promotion, trans: IWindlass['trans']): void {
  const what = promotion.alias ?? trans.__('the stage %1', promotion.stage ?? '');
  const { message, model, state, to_version: to } = promotion;
  const more = message === null ? '' : ` ${message}`;
  switch (state) {
    case 'done':
      Notification.success(trans.__('%1 of %2 is at version %3 now.', what, model, to) + more, {
        autoClose: 5000
      });
      break;
    case 'waiting':
      Notification.info(trans.__('It needs %1, and waits for the rest.', promotion.needs ?? '') + more, {
        autoClose: 8000
      });
      break;
    case 'failed':
      Notification.error(trans.__('%1 of %2 was not moved.', what, model) + more, { autoClose: false });
      break;
    default:
      Notification.info(trans.__('%1 of %2 stays where it is.', what, model) + more, { autoClose: 5000 });
  }
}
