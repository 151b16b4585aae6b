/** The spans of days that costs can be asked for. Days are of UTC, as the server counts them. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { dayOf } from '../../model/costs';

/** What can be chosen. */
export type RangeName = 'month' | 'last-month' | '7' | '30' | '90' | 'chosen';

/** A first and a last day, both included. */
export interface IRange {
  readonly start: string;
  readonly end: string;
}

const DAY_MILLISECONDS = 86_400_000;

/** The names in the order of the list. */
export function rangeNames(trans: TranslationBundle): readonly (readonly [RangeName, string])[] {
  return [
    ['month', trans.__('This month')],
    ['last-month', trans.__('Last month')],
    ['7', trans.__('Last 7 days')],
    ['30', trans.__('Last 30 days')],
    ['90', trans.__('Last 90 days')],
    ['chosen', trans.__('From … to …')]
  ];
}

/** The days of a range, as seen at a moment (milliseconds since 1970). */
export function daysOf(name: Exclude<RangeName, 'chosen'>, now: number): IRange {
  const today = dayOf(now);
  const first = `${today.slice(0, 8)}01`;
  switch (name) {
    case 'month':
      return { start: first, end: today };
    case 'last-month': {
      const last = dayOf(Date.parse(first) - DAY_MILLISECONDS);
      return { start: `${last.slice(0, 8)}01`, end: last };
    }
    default:
      return { start: dayOf(now - (Number(name) - 1) * DAY_MILLISECONDS), end: today };
  }
}

/** What is wrong with days that somebody chose; null: nothing. */
export function rangeProblem({ start, end }: IRange, trans: TranslationBundle): string | null {
  if (Number.isNaN(Date.parse(start)) || Number.isNaN(Date.parse(end))) {
    return trans.__('Choose both days.');
  }
  return start > end ? trans.__('The first day lies after the last: exchange them.') : null;
}
