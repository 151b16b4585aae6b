/**
 * Draws lines with uPlot, in the colours of JupyterLab's theme. The only module that knows uPlot: it is fetched when the
 * first chart is shown.
 */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatNumber } from '../../../components/numbers';
import type { IChart, IChartListener, IDrawing, IHit, IStyledLine } from './drawing';
import { HEIGHT } from './drawing';
import type { Range } from './lines';
import { indexAfter, lonely } from './lines';
import { classOf } from './styles';
import { formatSpan } from './ticks';
import { logTicks } from '../scale';

/** How near the pointer must be to a point, in CSS pixels. */
const REACH = 28;
const FAINT = 0.25;
const LINE_WIDTH = 1.6;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How far ticks may lie apart over a span, in seconds. */
const SPANS = [
  ...[0.001, 0.01, 0.1, 1].flatMap(unit => [unit, 2 * unit, 5 * unit]),
  ...[10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR],
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map(days => days * DAY)
];

/** uPlot's distributions of a scale. */
const LINEAR = 1;
const LOGARITHMIC = 3;

/** A chart of uPlot's. */
export class LinePlot implements IChart {
  constructor(host: HTMLElement, listener: IChartListener) {
    this._host = host;
    this._listener = listener;
  }

  draw(drawing: IDrawing): void {
    this._drawing = drawing;
    this._make();
  }

  highlight(key: string | null): void {
    if (key !== this._highlighted) {
      this._highlighted = key;
      this._plot?.redraw(false);
    }
  }

  resize(width: number): void {
    if (width > 0 && width !== this._width) {
      this._width = width;
      // Made anew: it keeps the paths of lines while the values' scale is the same, however wide the chart is.
      this._make();
    }
  }

  ends(): (number | null)[] {
    const plot = this._plot;
    const drawing = this._drawing;
    if (!plot || !drawing) {
      return [];
    }
    return drawing.lines.map(({ xs, ys }) => {
      let at = indexAfter(xs, drawing.xRange[1]) - 1;
      while (at >= 0 && (ys[at] ?? null) === null) {
        at--;
      }
      const y = ys[at] ?? null;
      const isSeen = y !== null && (xs[at] ?? -Infinity) >= drawing.xRange[0];
      return isSeen ? plot.valToPos(y, 'y') + plot.over.offsetTop : null;
    });
  }

  dispose(): void {
    this._plot?.destroy();
    this._plot = null;
  }

  private _make(): void {
    const drawing = this._drawing;
    if (!drawing || this._width === 0) {
      return;
    }
    this._plot?.destroy();
    const data = [null, ...drawing.lines.flatMap(line => series(line).map(ys => [line.xs, ys]))];
    // The library's types know only columns over common places; a line with places of its own is its mode 2.
    this._plot = new uPlot(this._options(drawing), data as unknown as uPlot.AlignedData, this._host);
  }

  private _options(drawing: IDrawing): uPlot.Options {
    const { xRange, yRange, axis, isLog, height = HEIGHT, together } = drawing;
    const look = new Look(this._host);
    return {
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- a type only: its names are nowhere in the code
      mode: 2,
      width: this._width,
      height,
      legend: { show: false },
      scales: {
        x: { time: axis === 'wall', range: () => [...xRange] },
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- as above
        y: { distr: isLog ? LOGARITHMIC : LINEAR, range: () => [...yRange] }
      },
      axes: [
        { ...look.axis, ...xTicks(axis) },
        { ...look.axis, size: 64, ...yTicks(isLog) }
      ],
      series: [{}, ...drawing.lines.flatMap(line => this._series(line, look.colour(line)))],
      cursor: {
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        ...(together === undefined ? {} : { sync: syncOf(together) }),
        bind: {
          dblclick: () => () => {
            this._listener.onZoom(null);
            return null;
          }
        }
      },
      hooks: {
        draw: [() => this._listener.onDrawn()],
        setCursor: [plot => this._listener.onPoint(this._nearest(plot))],
        setSelect: [plot => this._select(plot)]
      }
    };
  }

  /** The line, and before it, so that it lies behind, what was measured. */
  private _series(line: IStyledLine, colour: string): uPlot.Series[] {
    const alone = lonely(line.ys);
    const common: uPlot.Series = {
      facets: [{ scale: 'x' }, { scale: 'y' }],
      paths: uPlot.paths.linear?.(),
      stroke: () => withAlpha(colour, this._strength(line)),
      points: { show: false }
    };
    const drawn: uPlot.Series = {
      ...common,
      width: LINE_WIDTH,
      dash: [...line.style.dash],
      points: {
        show: alone.length > 0,
        filter: () => alone,
        size: 5,
        stroke: common.stroke,
        fill: common.stroke
      }
    };
    const faint: uPlot.Series = {
      ...common,
      width: 1,
      stroke: () => withAlpha(colour, FAINT * this._strength(line))
    };
    return line.raw ? [faint, drawn] : [drawn];
  }

  private _strength({ key }: IStyledLine): number {
    return this._highlighted === null || this._highlighted === key ? 1 : FAINT;
  }

  private _select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width > 0) {
      const range: Range = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      this._listener.onZoom(range);
    }
  }

  /** The point nearest to the pointer, if it is near. */
  private _nearest(plot: uPlot): IHit | null {
    const { left = -1, top = -1 } = plot.cursor;
    if (left < 0 || top < 0 || !this._drawing) {
      return null;
    }
    const x = plot.posToVal(left, 'x');
    let best: IHit | null = null;
    let reach = REACH;
    this._drawing.lines.forEach(({ xs, ys }, line) => {
      const after = indexAfter(xs, x);
      for (const point of [after - 1, after]) {
        const y = ys[point];
        if (y === null || y === undefined) {
          continue;
        }
        const spot = { left: plot.valToPos(xs[point] ?? 0, 'x'), top: plot.valToPos(y, 'y') };
        const distance = Math.hypot(spot.left - left, spot.top - top);
        if (distance < reach) {
          reach = distance;
          best = { line, point, left: spot.left + plot.over.offsetLeft, top: spot.top + plot.over.offsetTop };
        }
      }
    });
    return best;
  }

  private _drawing: IDrawing | null = null;
  private _highlighted: string | null = null;
  private readonly _host: HTMLElement;
  private readonly _listener: IChartListener;
  private _plot: uPlot | null = null;
  private _width = 0;
}

/** The theme, as it is when the chart is drawn. */
class Look {
  constructor(private readonly _host: HTMLElement) {
    const style = getComputedStyle(_host);
    const grid = style.getPropertyValue('--jp-border-color2').trim();
    this.axis = {
      font: `${style.fontSize} ${style.fontFamily}`,
      stroke: style.color,
      grid: { stroke: grid, width: 1 },
      ticks: { stroke: grid, width: 1 }
    };
  }

  readonly axis: uPlot.Axis;

  /** The colour of a line, as the canvas understands it: only a rendered element knows what a mixture comes to. */
  colour({ style }: IStyledLine): string {
    const name = classOf(style);
    const known = this._colours.get(name);
    if (known !== undefined) {
      return known;
    }
    const probe = document.createElement('span');
    probe.className = name;
    this._host.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    this._colours.set(name, color);
    return color;
  }

  private readonly _colours = new Map<string, string>();
}

function series({ ys, raw }: IStyledLine): (readonly (number | null)[])[] {
  return raw ? [raw, ys] : [ys];
}

function withAlpha(colour: string, alpha: number): string {
  return alpha === 1 ? colour : `color-mix(in srgb, ${colour} ${Math.round(alpha * 100)}%, transparent)`;
}

/** Only where the pointer is goes to other charts: each hears itself what is drawn over it. */
function syncOf(key: string): uPlot.Cursor.Sync {
  const isMove = (type: string): boolean => type === 'mousemove' || type === 'mouseleave';
  return { key, scales: ['x', null], setSeries: false, filters: { pub: isMove, sub: isMove } };
}

/** Ticks in round numbers of steps, or of seconds, minutes and hours; the library's own for the time of day. */
function xTicks(axis: IDrawing['axis']): uPlot.Axis {
  switch (axis) {
    case 'wall':
      return {};
    case 'relative':
      return { incrs: SPANS, values: (_, ticks) => ticks.map(formatSpan) };
    case 'step':
      return { values: (_, ticks) => ticks.map(formatNumber) };
  }
}

/** The library's own ticks of a logarithmic axis begin at its very end, however crooked that number is. */
function yTicks(isLog: boolean): uPlot.Axis {
  const values: uPlot.Axis.Values = (_, ticks) => ticks.map(formatNumber);
  return isLog
    ? { splits: (_plot, _axis, low, high) => logTicks(low, high), filter: (_, ticks) => ticks, values }
    : { values };
}
