/** What a chart draws, and what it tells: the seam between the page and the library that draws. */
import type { XAxis } from '../view';
import type { ILine, Range } from './lines';
import type { ILineStyle } from './styles';

/** A line with its look. */
export interface IStyledLine extends ILine {
  /** Unlike any other's on the page. */
  readonly key: string;
  readonly style: ILineStyle;
}

/** Everything on a chart. */
export interface IDrawing {
  readonly lines: readonly IStyledLine[];
  readonly axis: XAxis;
  readonly isLog: boolean;
  readonly xRange: Range;
  readonly yRange: Range;
  /** In CSS pixels; of a usual chart when left out. */
  readonly height?: number;
  /** Charts with the same name show the pointer's place on their axis together. */
  readonly together?: string;
}

/** A usual chart's height, in CSS pixels. */
export const HEIGHT = 360;

/** A point of a line, by their places in the drawing. */
export interface IHit {
  readonly line: number;
  readonly point: number;
  /** In CSS pixels from the chart's top left corner. */
  readonly left: number;
  readonly top: number;
}

/** Who hears of a chart. */
export interface IChartListener {
  /** Somebody has drawn over a part of the axis; null: wants to see all. */
  onZoom: (range: Range | null) => void;
  /** Somebody points at a point; null: no more. */
  onPoint: (hit: IHit | null) => void;
  /** The chart has been drawn: places on it can be asked for. */
  onDrawn: () => void;
}

/** A chart on the page. */
export interface IChart {
  draw(drawing: IDrawing): void;
  /** Show one line strongly and the others faintly; null: all alike. */
  highlight(key: string | null): void;
  resize(width: number): void;
  /** How far below the chart's top each line ends, in CSS pixels; null for one that cannot be seen. */
  ends(): (number | null)[];
  dispose(): void;
}

/** Makes a chart; what draws it is fetched before. */
export type ChartMaker = (host: HTMLElement, listener: IChartListener) => IChart;
