/** Which charts stand on the page, one below the other over one axis of time. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { formatNumber } from '../../components/numbers';
import type { IDrawing, IStyledLine } from '../compare/curves/drawing';
import type { Range } from '../compare/curves/lines';
import { extentOf, heightOf } from '../compare/curves/lines';
import type { XAxis } from '../compare/view';
import type { GpuFigure, IGpuPast } from './series';
import { costLine, deviceLines, FIGURES, figuresOf, heightFromNought, memoryOf } from './series';

/** A chart, or why there is none. */
export interface IGpuChart {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly IStyledLine[];
  /** null: nothing is known. */
  readonly drawing: IDrawing | null;
}

export interface IChartsOptions {
  readonly past: IGpuPast;
  /** What the runs logged, by metric. */
  readonly metrics: readonly { readonly metric: string; readonly lines: readonly IStyledLine[] }[];
  readonly isJob: boolean;
  readonly axis: XAxis;
  /** The part in view; null: all. */
  readonly range: Range | null;
  /** Charts of one page move together. */
  readonly together: string;
  readonly trans: TranslationBundle;
}

const HEIGHT = 170;

/** The charts, and the part of the axis that they show. */
export function chartsOf(options: IChartsOptions): { charts: IGpuChart[]; extent: Range } {
  const { past, metrics, isJob, range, trans } = options;
  const groups = FIGURES.map(figure => ({ figure, lines: deviceLines(past, figure, trans) }));
  const cost = isJob ? costLine(past, trans.__('Cost')) : null;
  const costs = cost ? [cost] : [];
  const { start, end } = past.history;
  const every = [...groups, ...metrics].flatMap(({ lines }) => lines).concat(costs);
  const whole = extentOf(every.filter(({ xs }) => xs.length > 0));
  const extent: Range = range ?? [
    Math.min(start - past.origin, whole?.[0] ?? Infinity),
    Math.max(end - past.origin, whole?.[1] ?? -Infinity)
  ];
  const draw = (lines: readonly IStyledLine[], yRange: Range | null): IDrawing | null =>
    yRange && lines.some(({ ys }) => ys.some(y => y !== null))
      ? drawingOf(lines, yRange, extent, options)
      : null;
  const devices = groups.map(({ figure, lines }) => {
    const [title, unit] = wordsOf(figure, trans);
    return { key: figure, title, unit, lines, drawing: draw(lines, rangeOf(figure, lines, past)) };
  });
  const money = {
    key: 'cost',
    title: trans.__('Cost by then'),
    unit: trans.__('USD'),
    lines: costs,
    drawing: draw(costs, heightFromNought(costs))
  };
  const logged = metrics.map(({ metric, lines }) => ({
    key: `metric ${metric}`,
    title: metric,
    unit: '',
    lines,
    drawing: draw(lines, heightOf(lines, extent, false))
  }));
  return { charts: [...logged, ...(isJob ? [money] : []), ...devices], extent };
}

function drawingOf(
  lines: readonly IStyledLine[],
  yRange: Range,
  xRange: Range,
  { axis, together }: IChartsOptions
): IDrawing {
  return { lines, axis, isLog: false, xRange, yRange, height: HEIGHT, together };
}

/** From nought to all there is. */
function rangeOf(figure: GpuFigure, lines: readonly IStyledLine[], { history }: IGpuPast): Range {
  switch (figure) {
    case 'engine':
      return [0, 105];
    case 'memory':
      return heightFromNought(lines, memoryOf(history.lines));
    case 'power':
      return heightFromNought(lines);
  }
}

function wordsOf(figure: GpuFigure, trans: TranslationBundle): [title: string, unit: string] {
  const words: Record<GpuFigure, [string, string]> = {
    engine: [trans.__('Use'), '%'],
    memory: [trans.__('Memory'), 'GiB'],
    power: [trans.__('Power'), 'W']
  };
  return words[figure];
}

/** What a chart shows, for who cannot see it. */
export function describeChart(
  { title, unit, lines }: IGpuChart,
  extent: Range,
  trans: TranslationBundle
): string {
  const few = lines.slice(0, 5).map(line => {
    const figures = figuresOf(line, extent);
    return figures === null
      ? trans.__('%1: not known.', line.metric)
      : trans.__('%1: mean %2, most %3.', line.metric, short(figures.mean), short(figures.most));
  });
  const rest = lines.length - few.length;
  const more = rest > 0 ? [trans._n('%1 more line.', '%1 more lines.', rest)] : [];
  const head = unit ? trans.__('%1 in %2 over time.', title, unit) : trans.__('%1 over time.', title);
  return [head, ...few, ...more].join(' ');
}

/** A number in as many digits as a table needs. */
export function short(value: number): string {
  return formatNumber(Number(value.toPrecision(3)));
}
