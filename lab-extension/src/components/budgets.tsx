/** The budgets that count: how much of each is spent, and what follows from that. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Budget } from '../api/types';
import { formatPart, formatUsd } from './money';
import { WarningSign } from './warningSign';

interface IBudgetsProps {
  readonly budgets: readonly Budget[];
  readonly trans: TranslationBundle;
}

/** One line each, with a bar. */
export function Budgets({ budgets, trans }: IBudgetsProps): React.JSX.Element {
  return (
    <ul className="jp-WindlassBudgets" aria-label={trans.__('Budgets')}>
      {budgets.map(budget => (
        <li key={`${budget.scope} ${budget.name} ${budget.period}`} className={`jp-mod-${budget.state}`}>
          {budget.state !== 'ok' && <WarningSign />}
          <span>{budgetText(budget, trans)}</span>
          <span className="jp-WindlassBudgets-bar" aria-hidden>
            <span style={{ width: `${(100 * spentPart(budget)).toFixed(1)}%` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** A budget in a sentence. */
export function budgetText(budget: Budget, trans: TranslationBundle): string {
  const { limit_usd: limit, spent_usd: spent, unknown_jobs: unknown } = budget;
  const part = formatPart(limit > 0 ? spent / limit : 1, trans);
  const of = trans.__('%1 of %2 (%3)', formatUsd(spent), formatUsd(limit), part);
  const lacks =
    unknown === 0
      ? null
      : trans._n(
          'without %1 job, whose cost is not known',
          'without %1 jobs, whose cost is not known',
          unknown
        );
  const parts = [trans.__('%1: %2 spent', nameOf(budget, trans), of), lacks, consequence(budget, trans)];
  return parts.filter(text => text !== null).join(', ');
}

function nameOf({ scope, name, period }: Budget, trans: TranslationBundle): string {
  if (scope === 'user') {
    return period === 'month' ? trans.__('Your budget of this month') : trans.__('Your budget of this week');
  }
  return period === 'month'
    ? trans.__('Budget of %1 of this month', name)
    : trans.__('Budget of %1 of this week', name);
}

function consequence({ state, blocks, refuses }: Budget, trans: TranslationBundle): string | null {
  if (refuses) {
    return trans.__('nothing new may be started');
  }
  if (state === 'over') {
    return blocks ? trans.__('nothing new may be started') : trans.__('it is exceeded');
  }
  return blocks ? trans.__('when it is spent, nothing new may be started') : null;
}

function spentPart({ limit_usd: limit, spent_usd: spent }: Budget): number {
  return limit > 0 ? Math.max(0, Math.min(1, spent / limit)) : 1;
}
