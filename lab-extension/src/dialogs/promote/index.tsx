/** Promotes a version of a model: asks to what and why, says what follows, and tells what came of it. */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Promotion } from '../../api/types';
import { openAskDialog } from '../ask';
import { PromoteFields } from './fields';
import type { IPromoteOptions } from './form';
import { PromoteForm } from './form';

/** Ask, and promote. The answer is what came of it, or null when it was given up. */
export async function openPromoteDialog(options: IPromoteOptions): Promise<Promotion | null> {
  const { trans } = options.windlass;
  const form = new PromoteForm(options);
  void form.load();
  void form.loadEvaluation();
  const promotion = await openAskDialog({
    title: trans.__('Promote version %1 of %2', options.version, options.name),
    accept: trans.__('Promote'),
    form,
    body: () => <PromoteFields form={form} />,
    focus: '#jp-windlass-promote-target'
  });
  if (promotion) {
    tell(promotion, trans);
  }
  return promotion;
}

function tell(promotion: Promotion, trans: TranslationBundle): void {
  const what = promotion.alias ?? trans.__('the stage %1', promotion.stage ?? '');
  if (promotion.state === 'waiting') {
    const text = trans.__(
      '%1 of %2 stays where it is until this is approved by %3.',
      what,
      promotion.model,
      promotion.needs ?? trans.__('others')
    );
    Notification.info(text, { autoClose: 8000 });
    return;
  }
  const text = trans.__('%1 of %2 is at version %3 now.', what, promotion.model, promotion.to_version);
  Notification.success(promotion.message ? `${text} ${promotion.message}` : text, { autoClose: 5000 });
}
