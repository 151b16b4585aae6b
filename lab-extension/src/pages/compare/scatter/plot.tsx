/** Runs as points, each with its name and to be opened: drawn as SVG, so that points can be read and reached. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { formatNumber } from '../../../components/numbers';
import { shortened } from '../format';
import type { IQuantity } from '../quantities';
import { classOf, styleOf } from '../curves/styles';
import type { IScale } from '../scale';
import { scaleOf } from '../scale';

/** A run on the plot. */
export interface IPoint {
  readonly id: string;
  readonly name: string;
  /** The run's place among the runs: it has the colour of its curves. */
  readonly place: number;
  readonly x: number;
  readonly y: number;
}

interface IScatterPlotProps {
  readonly points: readonly IPoint[];
  readonly x: IQuantity;
  readonly y: IQuantity;
  readonly isLogX: boolean;
  readonly isLogY: boolean;
  readonly onOpen: ((id: string) => void) | null;
  readonly trans: TranslationBundle;
}

const WIDTH = 900;
const HEIGHT = 420;
const LEFT = 78;
const RIGHT = 24;
const TOP = 14;
const BOTTOM = 46;

/** Names are written beside points up to so many. */
const MOST_NAMES = 30;
const MOST_LETTERS = 28;

/** The plot. */
export function ScatterPlot(props: IScatterPlotProps): React.JSX.Element {
  const { points, x, y, isLogX, isLogY, trans } = props;
  const across = scaleOf(
    points.map(point => point.x),
    isLogX
  );
  const up = scaleOf(
    points.map(point => point.y),
    isLogY
  );
  const toX = (value: number): number => LEFT + across.place(value) * (WIDTH - LEFT - RIGHT);
  const toY = (value: number): number => HEIGHT - BOTTOM - up.place(value) * (HEIGHT - TOP - BOTTOM);
  return (
    <svg
      className="jp-WindlassScatter"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="group"
      aria-label={trans.__('%1 against %2, a point for each run', y.label, x.label)}
    >
      <Axes across={across} up={up} toX={toX} toY={toY} x={x.label} y={y.label} />
      {points.map(point => (
        <Point
          key={point.id}
          point={point}
          left={toX(point.x)}
          top={toY(point.y)}
          isNamed={points.length <= MOST_NAMES}
          {...props}
        />
      ))}
    </svg>
  );
}

interface IAxesProps {
  readonly across: IScale;
  readonly up: IScale;
  readonly toX: (value: number) => number;
  readonly toY: (value: number) => number;
  readonly x: string;
  readonly y: string;
}

function Axes({ across, up, toX, toY, x, y }: IAxesProps): React.JSX.Element {
  const bottom = HEIGHT - BOTTOM;
  return (
    <g className="jp-WindlassScatter-axes" aria-hidden>
      {across.ticks.map(tick => (
        <g key={`x${tick}`}>
          <line x1={toX(tick)} x2={toX(tick)} y1={TOP} y2={bottom} />
          <text x={toX(tick)} y={bottom + 16} textAnchor="middle">
            {formatNumber(tick)}
          </text>
        </g>
      ))}
      {up.ticks.map(tick => (
        <g key={`y${tick}`}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={toY(tick)} y2={toY(tick)} />
          <text x={LEFT - 6} y={toY(tick) + 4} textAnchor="end">
            {formatNumber(tick)}
          </text>
        </g>
      ))}
      <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 8} textAnchor="middle">
        {shortened(x, 80)}
      </text>
      <text transform={`translate(14 ${(TOP + bottom) / 2}) rotate(-90)`} textAnchor="middle">
        {shortened(y, 50)}
      </text>
    </g>
  );
}

interface IPointProps extends IScatterPlotProps {
  readonly point: IPoint;
  readonly left: number;
  readonly top: number;
  readonly isNamed: boolean;
}

function Point({ point, left, top, isNamed, x, y, onOpen, trans }: IPointProps): React.JSX.Element {
  const isRight = left > WIDTH * 0.75;
  const label = trans.__(
    '%1: %2 %3, %4 %5',
    point.name,
    x.label,
    formatNumber(point.x),
    y.label,
    formatNumber(point.y)
  );
  const open = (): void => onOpen?.(point.id);
  return (
    <g
      className={`jp-WindlassScatter-point ${classOf(styleOf(point.place, null))}`}
      role={onOpen ? 'button' : 'img'}
      tabIndex={0}
      aria-label={label}
      onClick={open}
      onKeyDown={event => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          open();
        }
      }}
    >
      <title>{label}</title>
      {/* A place to hit that is larger than what is seen. */}
      <circle cx={left} cy={top} r={12} className="jp-WindlassScatter-reach" />
      <circle cx={left} cy={top} r={5} />
      {isNamed && (
        <text x={left + (isRight ? -9 : 9)} y={top + 4} textAnchor={isRight ? 'end' : 'start'}>
          {shortened(point.name, MOST_LETTERS)}
        </text>
      )}
    </g>
  );
}
