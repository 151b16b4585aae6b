/** From readings over time to lines on charts. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { GpuHistory, GpuLine } from '../../api/types';
import type { ITrailPoint } from '../../model/gpuTrails';
import type { IStyledLine } from '../compare/curves/drawing';
import type { Range } from '../compare/curves/lines';
import { styleOf } from '../compare/curves/styles';

/** What charts of devices show. */
export const FIGURES = ['engine', 'memory', 'power'] as const;

export type GpuFigure = (typeof FIGURES)[number];

/** The past and its growing end. */
export interface IGpuPast {
  readonly history: GpuHistory;
  /** Readings that came after it. */
  readonly trailOf: (deviceId: string) => readonly ITrailPoint[];
  /** What a job had cost after it. */
  readonly usdSince: readonly (readonly [at: number, usd: number])[];
  /** Where the axis begins, in POSIX seconds; 0: time of day. */
  readonly origin: number;
}

const GIB = 1024 ** 3;

/** Values as charts show them: per cent, GiB, watts. */
const SHOWN: Record<GpuFigure, { key: 'engine' | 'memory_bytes' | 'power_watts'; factor: number }> = {
  engine: { key: 'engine', factor: 100 },
  memory: { key: 'memory_bytes', factor: 1 / GIB },
  power: { key: 'power_watts', factor: 1 }
};

const OF_TRAIL: Record<GpuFigure, (point: ITrailPoint) => number | null> = {
  engine: point => point.engine,
  memory: point => point.memoryBytes,
  power: point => point.powerWatts
};

/** A line for each device. */
export function deviceLines(
  { history, trailOf, origin }: IGpuPast,
  figure: GpuFigure,
  trans: TranslationBundle
): IStyledLine[] {
  const { key, factor } = SHOWN[figure];
  const names = namesOf(history.lines, trans);
  return history.lines.map((line, place) => {
    const end = endOf(history, line[key]);
    const times = history.times.slice(0, end);
    const from = times[times.length - 1] ?? -Infinity;
    const later = trailOf(line.device_id).filter(({ at }) => at > from);
    const values = [...times.map((_, at) => line[key][at] ?? null), ...later.map(OF_TRAIL[figure])];
    return styled({
      key: `${figure} ${line.device_id}`,
      id: line.device_id,
      metric: names[place] ?? line.label,
      xs: [...times, ...later.map(({ at }) => at)].map(at => at - origin),
      ys: values.map(value => (value === null ? null : value * factor)),
      place
    });
  });
}

/** Behind the last moment that is known: what was heard since takes the place of what was not written down yet. */
function endOf({ times }: GpuHistory, values: readonly (number | null)[]): number {
  let end = times.length;
  while (end > 0 && (values[end - 1] ?? null) === null) {
    end--;
  }
  return end;
}

/** What the job had cost by when; none where that is not known. */
export function costLine({ history, usdSince, origin }: IGpuPast, name: string): IStyledLine | null {
  const ys = [...history.times.map((_, at) => history.usd[at] ?? null), ...usdSince.map(([, usd]) => usd)];
  if (ys.every(usd => usd === null)) {
    return null;
  }
  const xs = [...history.times, ...usdSince.map(([at]) => at)].map(at => at - origin);
  return styled({ key: 'cost', id: 'cost', metric: name, xs, ys, place: 0 });
}

interface ILineParts {
  readonly key: string;
  readonly id: string;
  readonly metric: string;
  readonly xs: readonly number[];
  readonly ys: readonly (number | null)[];
  readonly place: number;
}

function styled({ key, id, metric, xs, ys, place }: ILineParts): IStyledLine {
  const plain = { steps: [], raw: null, unshown: 0, total: null, isSampled: false };
  return { ...plain, key, runId: id, metric, xs, ys, style: styleOf(place, null) };
}

/** What the lines are called: by rank where there are ranks, and by device where a rank has several. */
export function namesOf(lines: readonly GpuLine[], trans: TranslationBundle): string[] {
  const counts = new Map<number | null, number>();
  for (const { rank } of lines) {
    counts.set(rank, (counts.get(rank) ?? 0) + 1);
  }
  return lines.map(({ rank, label }) => {
    // Where a job wrote it down, the rank is part of it.
    const short = label.replace(/^NVIDIA |^rank \d+, /, '');
    if (rank === null) {
      return short;
    }
    return counts.get(rank) === 1 ? trans.__('Rank %1', rank) : trans.__('Rank %1 · %2', rank, short);
  });
}

/** From nought to the most that is drawn, or that there is. */
export function heightFromNought(
  lines: readonly { readonly ys: readonly (number | null)[] }[],
  most = 0
): Range {
  const top = lines
    .flatMap(({ ys }) => ys)
    .reduce<number>((high, value) => (value !== null && value > high ? value : high), most);
  return [0, top > 0 ? top * 1.05 : 1];
}

/** The largest memory among devices, in GiB. */
export function memoryOf(lines: readonly GpuLine[]): number {
  return lines.reduce((most, line) => Math.max(most, (line.memory_total_bytes ?? 0) / GIB), 0);
}

/** Mean and most of what lies between two places of the axis; null: nothing is known there. */
export function figuresOf(
  { xs, ys }: Pick<IStyledLine, 'xs' | 'ys'>,
  [from, to]: Range
): { readonly mean: number; readonly most: number } | null {
  const seen = ys.filter((y, at): y is number => y !== null && (xs[at] ?? 0) >= from && (xs[at] ?? 0) <= to);
  if (seen.length === 0) {
    return null;
  }
  const sum = seen.reduce((total, value) => total + value, 0);
  return { mean: sum / seen.length, most: seen.reduce((high, value) => Math.max(high, value), -Infinity) };
}
