/** What a job took and what it gave, in words. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Job, UsageSummary } from '../../api/types';
import { formatCores, formatGib, formatPercent } from '../../components/gpuFigures';
import { formatUsd } from '../../components/money';
import { formatDuration } from '../../components/duration';
import { formatNumber } from '../../components/numbers';
import type { ILine } from '../compare/curves/lines';

/** Something about the job: what it is called, and how much it is. */
export type Figure = readonly [name: string, value: string];

/** What it took. */
export function tookFigures(
  job: Job | null,
  usd: number | null,
  usage: UsageSummary | null,
  trans: TranslationBundle
): Figure[] {
  const hours = job?.gpu_hours ?? null;
  const unknown = trans.__('unknown');
  const figures: Figure[] = [
    [trans.__('Cost'), usd === null ? unknown : formatUsd(usd)],
    [trans.__('GPU hours'), hours === null ? unknown : hours.toFixed(hours < 10 ? 2 : 1)]
  ];
  if (!usage) {
    return figures;
  }
  const { memory_peak_bytes: peak, memory_total_bytes: total } = usage;
  const { cpu_cores_mean: cores, host_memory_peak_bytes: host } = usage;
  const memory = peak === null ? unknown : trans.__('%1 GiB', formatGib(peak));
  return [
    ...figures,
    [trans.__('Mean use'), formatPercent(usage.engine_mean, trans)],
    [trans.__('Not used'), formatPercent(usage.idle_fraction, trans)],
    [
      trans.__('Memory peak'),
      total === null || peak === null ? memory : trans.__('%1 of %2 GiB', formatGib(peak), formatGib(total))
    ],
    [trans.__('CPU'), cores === null ? unknown : formatCores(cores, trans)],
    [trans.__('Host memory peak'), host === null ? unknown : trans.__('%1 GiB', formatGib(host))],
    [
      trans.__('Covered'),
      trans.__('%1 (%2)', formatPercent(usage.covered, trans), formatDuration(usage.seconds))
    ]
  ];
}

/** The first and the last value of a metric. */
export interface IGain {
  readonly metric: string;
  readonly first: number;
  readonly last: number;
}

/** How metrics changed; of several runs the line that goes on longest tells. */
export function gainsOf(
  metrics: readonly { readonly metric: string; readonly lines: readonly ILine[] }[]
): IGain[] {
  return metrics.flatMap(({ metric, lines }) => {
    const longest = lines.reduce<ILine | null>(
      (best, line) => (best === null || line.xs.length > best.xs.length ? line : best),
      null
    );
    const values = longest?.ys.filter(y => y !== null) ?? [];
    const [first, last] = [values[0], values[values.length - 1]];
    return first === undefined || last === undefined ? [] : [{ metric, first, last }];
  });
}

/** What was achieved for the money; null where nothing was measured. */
export function achievedText(
  gains: readonly IGain[],
  usd: number | null,
  isLive: boolean,
  trans: TranslationBundle
): string | null {
  if (gains.length === 0) {
    return null;
  }
  const changes = gains
    .map(({ metric, first, last }) => trans.__('%1 from %2 to %3', metric, rounded(first), rounded(last)))
    .join(', ');
  if (usd === null) {
    return trans.__('Achieved, at a cost that is not known: %1.', changes);
  }
  return isLive
    ? trans.__('Achieved so far for %1: %2.', formatUsd(usd), changes)
    : trans.__('Achieved for %1: %2.', formatUsd(usd), changes);
}

function rounded(value: number): string {
  return formatNumber(Number(value.toPrecision(4)));
}
