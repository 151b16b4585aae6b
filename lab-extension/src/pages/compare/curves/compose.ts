/** Which lines stand on which chart, and what a chart shows in words. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Curve } from '../../../api/types';
import { formatNumber } from '../../../components/numbers';
import type { XAxis } from '../view';
import type { IDrawing, IStyledLine } from './drawing';
import type { ILine, ILineOptions, Range } from './lines';
import { extentOf, heightOf, toLine } from './lines';
import { styleOf } from './styles';

/** What charts are made from. */
export interface IComposeOptions extends ILineOptions {
  /** In view. */
  readonly metrics: readonly string[];
  readonly curvesOf: (metric: string) => readonly Curve[];
  /** All runs of the page, in order; each keeps its look when others are hidden. */
  readonly runIds: readonly string[];
  readonly hidden: ReadonlySet<string>;
  readonly isSplit: boolean;
  /** The part of the axis in view; null: all. */
  readonly range: Range | null;
}

/** One chart. */
export interface IComposed {
  readonly metrics: readonly string[];
  readonly lines: readonly IStyledLine[];
  /** null: there is nothing to draw. */
  readonly drawing: IDrawing | null;
}

/** The charts. */
export function compose(options: IComposeOptions): IComposed[] {
  const { metrics, isSplit, axis, isLog, range } = options;
  const groups = isSplit ? metrics.map(metric => [metric]) : metrics.length > 0 ? [metrics] : [];
  return groups.map(group => {
    const lines = group.flatMap((metric, at) => linesOf(metric, group.length > 1 ? at : null, options));
    const xRange = range ?? widened(extentOf(lines));
    const yRange = xRange && heightOf(lines, xRange, isLog);
    return {
      metrics: group,
      lines,
      drawing: xRange && yRange ? { lines, axis, isLog, xRange, yRange } : null
    };
  });
}

function linesOf(metric: string, place: number | null, options: IComposeOptions): IStyledLine[] {
  const places = new Map(options.runIds.map((id, at) => [id, at]));
  return options
    .curvesOf(metric)
    .filter(curve => !options.hidden.has(curve.run_id) && curve.steps.length > 0)
    .map(curve => ({
      ...toLine(curve, options),
      key: `${curve.run_id} ${metric}`,
      style: styleOf(places.get(curve.run_id) ?? 0, place)
    }));
}

/** A single place has no width to draw over. */
function widened(range: Range | null): Range | null {
  return range && range[0] === range[1] ? [range[0] - 1, range[1] + 1] : range;
}

/** What a chart shows, for who cannot see it. */
export function describe(
  { metrics, lines }: IComposed,
  axis: XAxis,
  nameOf: (line: IStyledLine) => string,
  trans: TranslationBundle
): string {
  const over = axisName(axis, trans).toLocaleLowerCase();
  const head = trans.__('Line chart of %1 over %2.', metrics.join(', '), over);
  const few = lines.slice(0, 5).map(line => {
    const last = lastOf(line);
    return last === null
      ? trans.__('%1: no value.', nameOf(line))
      : trans.__('%1: at last %2.', nameOf(line), formatNumber(last));
  });
  const rest = lines.length - few.length;
  const more = rest > 0 ? [trans._n('%1 more line.', '%1 more lines.', rest)] : [];
  return [head, ...few, ...more, trans.__('“Table” shows the values.')].join(' ');
}

/** The newest value of a line; null when it has none. */
export function lastOf({ ys }: ILine): number | null {
  for (let at = ys.length - 1; at >= 0; at--) {
    const y = ys[at];
    if (y !== null && y !== undefined) {
      return y;
    }
  }
  return null;
}

/** What an axis is called. */
export function axisName(axis: XAxis, trans: TranslationBundle): string {
  const names: Record<XAxis, string> = {
    step: trans.__('Step'),
    relative: trans.__('Time since the first point'),
    wall: trans.__('Time of day')
  };
  return names[axis];
}
