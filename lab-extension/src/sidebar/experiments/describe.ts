/** Values of runs as people read them in a narrow cell. Pure: what is unknown is a dash, never a zero. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { formatDuration } from '../../components/duration';
import { formatNumber } from '../../components/numbers';
import { attributeOf, columnOf, isNumeric } from '../../model/columns';
import type { ILoadedRun } from '../../model/runRows';
import { valueOf } from '../../model/runRows';

/** What stands where a run has no such value. */
export const UNKNOWN = '–';

/** A sum of money: small ones to the tenth of a cent. */
export function formatCost(usd: number): string {
  return `$${usd.toFixed(usd > 0 && usd < 0.1 ? 4 : 2)}`;
}

/** A moment as `Nov 23, 16:05`, with the year when it is not this one. */
export function formatShortMoment(time: string, now = new Date()): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) {
    return time;
  }
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const };
  return date.toLocaleString(undefined, {
    ...year,
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit'
  });
}

/** A moment in as few signs as tell it apart: the time of today, the day of this year, the month of another. */
export function formatBriefMoment(time: string, now = new Date()): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) {
    return time;
  }
  if (date.toDateString() === now.toDateString()) {
    return date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  }
  const isThisYear = date.getFullYear() === now.getFullYear();
  return date.toLocaleDateString(undefined, {
    month: 'short',
    ...(isThisYear ? { day: 'numeric' } : { year: 'numeric' })
  });
}

/** A value: short for the cell, whole for the pointer. */
export interface ICellText {
  readonly text: string;
  /** null: nothing more is to be said. */
  readonly title: string | null;
  readonly isNumber: boolean;
}

/** What a run shows in a column. */
export function cellOf(loaded: ILoadedRun, column: string, trans: TranslationBundle): ICellText {
  const { kind, key } = columnOf(column);
  if (kind === 'attributes') {
    return attributeCell(loaded, key, trans);
  }
  const value = valueOf(loaded, column);
  if (value === undefined) {
    return { text: '…', title: null, isNumber: false };
  }
  if (value === null) {
    return { text: UNKNOWN, title: null, isNumber: kind === 'metrics' };
  }
  const isNumber = typeof value === 'number';
  return { text: isNumber ? formatNumber(value) : value, title: String(value), isNumber: kind === 'metrics' };
}

type Formatter = (value: string | number, trans: TranslationBundle) => Omit<ICellText, 'isNumber'>;

const moment: Formatter = value => ({
  text: formatShortMoment(String(value)),
  title: new Date(value).toLocaleString()
});

const FORMATTERS: Readonly<Record<string, Formatter>> = {
  start_time: moment,
  end_time: moment,
  duration: (value, trans) => ({ text: formatDuration(Number(value)), title: trans.__('%1 s', value) }),
  cost: (value, trans) => ({ text: formatCost(Number(value)), title: trans.__('%1 USD', value) }),
  gpu_hours: value => ({ text: formatNumber(Number(value)), title: String(value) })
};

function attributeCell({ run }: ILoadedRun, key: string, trans: TranslationBundle): ICellText {
  const value = attributeOf(run, key);
  const isNumber = isNumeric(`attributes.${key}`);
  if (value === null) {
    const title = key === 'cost' || key === 'gpu_hours' ? trans.__('Not known') : null;
    return { text: UNKNOWN, title, isNumber };
  }
  if (key === 'git_commit') {
    const title = run.git_dirty ? trans.__('%1, with changes that were not committed', value) : String(value);
    return { text: `${String(value).slice(0, 7)}${run.git_dirty ? '*' : ''}`, title, isNumber };
  }
  const format = FORMATTERS[key] ?? (() => ({ text: String(value), title: String(value) }));
  return { ...format(value, trans), isNumber };
}
