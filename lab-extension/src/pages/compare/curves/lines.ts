/** From curves, as the server gives them, to lines, as they are drawn. Pure. */
import type { Curve } from '../../../api/types';
import type { XAxis } from '../view';
import type { IStepWindow } from './model';
import { smooth } from './smoothing';

/** From the least to the greatest. */
export type Range = readonly [number, number];

/** A curve over the axis in view. */
export interface ILine {
  readonly runId: string;
  readonly metric: string;
  /** Steps, or seconds: since the run's first point, or since 1970. Never falling. */
  readonly xs: readonly number[];
  readonly steps: readonly number[];
  /** What is drawn as the line; null is a gap. */
  readonly ys: readonly (number | null)[];
  /** What was measured, drawn faintly behind a smoothed line; null when it is the line itself. */
  readonly raw: readonly (number | null)[] | null;
  /** How many values a logarithmic axis has no place for. */
  readonly unshown: number;
  /** How many points there are, where MLflow tells. */
  readonly total: number | null;
  readonly isSampled: boolean;
}

/** How lines are drawn. */
export interface ILineOptions {
  readonly axis: XAxis;
  readonly isLog: boolean;
  readonly smoothing: number;
  /** The time of each run's first point, in POSIX milliseconds. */
  readonly origins: ReadonlyMap<string, number>;
}

/** The line of a curve. */
export function toLine(curve: Curve, { axis, isLog, smoothing, origins }: ILineOptions): ILine {
  const { run_id: runId, metric, steps, times_ms: times, values, total, sampled: isSampled } = curve;
  const origin = origins.get(runId) ?? times[0] ?? 0;
  const xOf = (at: number): number => {
    const time = times[at] ?? 0;
    return axis === 'step' ? (steps[at] ?? 0) : axis === 'relative' ? (time - origin) / 1000 : time / 1000;
  };
  // A run that was taken up again may have logged its steps in another order than that of time.
  const order = steps.map((_, at) => at);
  if (axis !== 'step') {
    order.sort((one, other) => xOf(one) - xOf(other));
  }
  const measured = order.map(at => values[at] ?? null);
  const shown = isLog ? measured.map(value => (value !== null && value > 0 ? value : null)) : measured;
  return {
    runId,
    metric,
    xs: order.map(xOf),
    steps: order.map(at => steps[at] ?? 0),
    ys: smoothing > 0 ? smooth(shown, smoothing) : shown,
    raw: smoothing > 0 ? shown : null,
    unshown: measured.filter(value => value !== null && value <= 0 && isLog).length,
    total,
    isSampled
  };
}

/** Where all lines lie; null when they have no point. */
export function extentOf(lines: readonly ILine[]): Range | null {
  const ends = lines.flatMap(({ xs }) => (xs.length > 0 ? [xs[0] ?? 0, xs[xs.length - 1] ?? 0] : []));
  return ends.length > 0 ? [least(ends), greatest(ends)] : null;
}

/** The values between two places of the axis, with a little room; null when there are none. */
export function heightOf(lines: readonly ILine[], [from, to]: Range, isLog: boolean): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const { xs, ys, raw } of lines) {
    xs.forEach((x, at) => {
      for (const value of x >= from && x <= to ? [ys[at], raw?.[at]] : []) {
        if (value !== null && value !== undefined) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
    });
  }
  if (low > high) {
    return null;
  }
  return isLog ? logRoom(low, high) : room(low, high);
}

function room(low: number, high: number): Range {
  const space = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return [low - space, high + space];
}

function logRoom(low: number, high: number): Range {
  const factor = Math.max((high / low) ** 0.05, 1.05);
  return [low / factor, high * factor];
}

/** The whole curves, with every point of a part in the place of its sample. */
export function spliced(
  whole: readonly Curve[],
  part: readonly Curve[],
  { from, to }: IStepWindow
): readonly Curve[] {
  const detailed = new Map(part.map(curve => [curve.run_id, curve]));
  return whole.map(curve => {
    const detail = detailed.get(curve.run_id);
    if (!detail || detail.steps.length === 0) {
      return curve;
    }
    const before = curve.steps.flatMap((step, at) => (step < from ? [at] : []));
    const after = curve.steps.flatMap((step, at) => (step > to ? [at] : []));
    const joined = <T>(old: readonly T[], inner: readonly T[]): T[] => [
      ...before.map(at => old[at] as T),
      ...inner,
      ...after.map(at => old[at] as T)
    ];
    return {
      ...curve,
      steps: joined(curve.steps, detail.steps),
      times_ms: joined(curve.times_ms, detail.times_ms),
      values: joined(curve.values, detail.values),
      sampled: detail.sampled,
      running: detail.running
    };
  });
}

/** The steps of what lies between two places of the axis; null when nothing does. */
export function stepsWithin(lines: readonly ILine[], axis: XAxis, [from, to]: Range): IStepWindow | null {
  if (axis === 'step') {
    return { from: Math.floor(from), to: Math.ceil(to) };
  }
  const steps = lines.flatMap(line => {
    const first = indexAfter(line.xs, from);
    // The neighbours beyond both ends, since it is between two points of the sample that more are looked for.
    return line.steps.slice(Math.max(0, first - 1), indexAfter(line.xs, to) + 1);
  });
  return steps.length > 0 ? { from: least(steps), to: greatest(steps) } : null;
}

/** Of places that never fall, the index of the first beyond `x`. */
export function indexAfter(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((xs[middle] ?? 0) <= x) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The newest value at a place of the axis; null before the first, and in a gap. */
export function valueAt({ xs, ys }: ILine, x: number): number | null {
  return ys[indexAfter(xs, x) - 1] ?? null;
}

/** Points without neighbours: a line through them cannot be seen. */
export function lonely(ys: readonly (number | null)[]): number[] {
  return ys.flatMap((y, at) =>
    y !== null && (ys[at - 1] ?? null) === null && (ys[at + 1] ?? null) === null ? [at] : []
  );
}

function least(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Infinity);
}

function greatest(values: readonly number[]): number {
  return values.reduce((high, value) => Math.max(high, value), -Infinity);
}
