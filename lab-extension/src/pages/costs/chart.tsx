/** What was spent day by day, as bars; all that they show stands in words beside them. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { CostReport, CostRow } from '../../api/types';
import { formatUsd, formatUsdOrUnknown } from '../../components/money';
import { daysBetween, lackText } from '../../model/costs';
import type { IRange } from './ranges';

interface IDayChartProps {
  /** By day. */
  readonly report: CostReport;
  readonly range: IRange;
  readonly trans: TranslationBundle;
}

/** More bars than these are too narrow; the last days are drawn. */
const MOST_BARS = 92;

/** The chart. */
export function DayChart({ report, range, trans }: IDayChartProps): React.JSX.Element {
  const rows = new Map(report.items.map(row => [row.day ?? row.key, row]));
  const days = daysBetween(range.start, range.end, MOST_BARS);
  const most = Math.max(0, ...days.map(day => rows.get(day)?.usd ?? 0));
  const middle = days[Math.floor(days.length / 2)];
  return (
    <figure className="jp-WindlassCostChart">
      <figcaption>
        {trans.__('Cost by day')}{' '}
        <span className="jp-WindlassMuted">{summary(report, days, rows, trans)}</span>
      </figcaption>
      <div className="jp-WindlassCostChart-plot" aria-hidden>
        <span className="jp-WindlassCostChart-most">{formatUsd(most)}</span>
        {days.map(day => (
          <Bar key={day} day={day} row={rows.get(day)} most={most} trans={trans} />
        ))}
      </div>
      <div className="jp-WindlassCostChart-days" aria-hidden>
        <span>{days[0]}</span>
        {days.length > 4 && <span>{middle}</span>}
        {days.length > 1 && <span>{days.at(-1)}</span>}
      </div>
      <p className="jp-WindlassCostChart-legend jp-WindlassMuted" aria-hidden>
        <span className="jp-WindlassCostChart-key" /> {trans.__('used')}
        <span className="jp-WindlassCostChart-key jp-mod-idle" /> {trans.__('GPUs held, not used')}
        <span className="jp-WindlassCostChart-key jp-mod-unknown" /> {trans.__('not known')}
      </p>
    </figure>
  );
}

interface IBarProps {
  readonly day: string;
  /** undefined: nothing was held on that day. */
  readonly row: CostRow | undefined;
  readonly most: number;
  readonly trans: TranslationBundle;
}

function Bar({ day, row, most, trans }: IBarProps): React.JSX.Element {
  const usd = row?.usd ?? 0;
  const idle = Math.min(usd, row?.idle_usd ?? 0);
  const share = (part: number): string => `${most > 0 ? (100 * part) / most : 0}%`;
  return (
    <span className="jp-WindlassCostChart-day" title={row ? dayText(day, row, trans) : day}>
      {row && row.unknown_jobs > 0 && <span className="jp-WindlassCostChart-bar jp-mod-unknown" />}
      {idle > 0 && <span className="jp-WindlassCostChart-bar jp-mod-idle" style={{ height: share(idle) }} />}
      {usd > 0 && <span className="jp-WindlassCostChart-bar" style={{ height: share(usd - idle) }} />}
    </span>
  );
}

function dayText(day: string, row: CostRow, trans: TranslationBundle): string {
  const idle =
    row.idle_usd === null || row.idle_usd === 0
      ? null
      : trans.__('%1 of it for GPUs that were not used', formatUsd(row.idle_usd));
  const parts = [`${day}: ${formatUsdOrUnknown(row.usd, trans)}`, idle, lackText(row, trans)];
  return parts.filter(text => text !== null).join(', ');
}

/** What somebody sees at a glance. */
function summary(
  { total }: CostReport,
  days: readonly string[],
  rows: ReadonlyMap<string, CostRow>,
  trans: TranslationBundle
): string {
  const known = days.flatMap(day => {
    const usd = rows.get(day)?.usd ?? null;
    return usd === null ? [] : [{ day, usd }];
  });
  const top = known.reduce<(typeof known)[number] | null>(
    (best, each) => (best && best.usd >= each.usd ? best : each),
    null
  );
  const parts = [
    trans.__('%1 in all', formatUsdOrUnknown(total.usd, trans)),
    top && top.usd > 0 ? trans.__('most on %1: %2', top.day, formatUsd(top.usd)) : null,
    lackText(total, trans)
  ];
  return parts.filter(text => text !== null).join(', ');
}
