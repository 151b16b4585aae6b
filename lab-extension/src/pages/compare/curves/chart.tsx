/**
 * A chart with the names of its lines at their ends and, at the pointer, what was measured there.
 *
 * What draws is fetched when the first chart is shown. Every chart has a description in words; its values are in the
 * tables of the tab.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { formatNumber } from '../../../components/numbers';
import { Labels } from './labels';
import type { ChartMaker, IChart, IDrawing, IHit, IStyledLine } from './drawing';
import { HEIGHT } from './drawing';
import type { Range } from './lines';
import { useTheme } from './theme';
import { formatX } from './ticks';

interface IChartProps {
  readonly make: ChartMaker;
  readonly drawing: IDrawing;
  /** Shown strongly; null: none. */
  readonly highlighted: string | null;
  readonly onHighlight: (key: string | null) => void;
  readonly onZoom: (range: Range | null) => void;
  /** What it shows, in a sentence. */
  readonly description: string;
  readonly nameOf: (line: IStyledLine) => string;
  readonly trans: TranslationBundle;
}

/** Names at the ends of lines are legible up to so many. */
const MOST_LABELS = 16;

/** The height of a name, in CSS pixels. */
const LABEL = 20;

/** The narrowest chart that has room for names beside it, in CSS pixels. */
const ROOMY = 640;

/** The chart. */
export function Chart(props: IChartProps): React.JSX.Element {
  const { drawing, highlighted, description, nameOf, onHighlight, trans } = props;
  const frame = React.useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const { height = HEIGHT } = drawing;
  const isLabelled = width >= ROOMY && drawing.lines.length <= Math.min(MOST_LABELS, height / LABEL);
  const { host, hit, ends } = useChart(props, isLabelled ? width - 180 : width);
  const pointed = hit && drawing.lines[hit.line];
  return (
    <div className="jp-WindlassChart" ref={frame} style={{ minHeight: height }}>
      <div className="jp-WindlassChart-plot" ref={host} role="img" aria-label={description}>
        {hit && pointed && (
          <Tip
            hit={hit}
            isBefore={hit.left > width / 2}
            line={pointed}
            axis={drawing.axis}
            name={nameOf(pointed)}
            trans={trans}
          />
        )}
      </div>
      {isLabelled && (
        <Labels
          lines={drawing.lines}
          ends={ends}
          height={height}
          highlighted={highlighted}
          onHighlight={onHighlight}
          nameOf={nameOf}
          trans={trans}
        />
      )}
    </div>
  );
}

interface IUsedChart {
  readonly host: React.RefObject<HTMLDivElement>;
  readonly hit: IHit | null;
  /** Where lines end, by their place in the drawing. */
  readonly ends: readonly (number | null)[];
}

/** A chart in an element, drawn anew when what it draws, its width or the theme has changed. */
function useChart({ make, drawing, highlighted, onZoom }: IChartProps, width: number): IUsedChart {
  const host = React.useRef<HTMLDivElement>(null);
  const chart = React.useRef<IChart | null>(null);
  const heard = React.useRef({ onZoom, drawing });
  const [pointed, setPointed] = React.useState<{ hit: IHit; drawing: IDrawing } | null>(null);
  const [ends, setEnds] = React.useState<readonly (number | null)[]>([]);
  const theme = useTheme();
  React.useEffect(() => {
    heard.current = { onZoom, drawing };
  }, [onZoom, drawing]);
  React.useEffect(() => {
    if (!host.current) {
      return;
    }
    const made = make(host.current, {
      onZoom: range => heard.current.onZoom(range),
      onPoint: hit => setPointed(hit && { hit, drawing: heard.current.drawing }),
      onDrawn: () => setEnds(before => sameOr(before, chart.current?.ends() ?? []))
    });
    chart.current = made;
    return () => {
      chart.current = null;
      made.dispose();
    };
  }, [make]);
  React.useEffect(() => chart.current?.resize(width), [make, width]);
  React.useEffect(() => chart.current?.draw(drawing), [make, drawing, theme]);
  React.useEffect(() => chart.current?.highlight(highlighted), [make, highlighted]);
  // What was pointed at before the chart was drawn anew is not there any more.
  return { host, hit: pointed?.drawing === drawing ? pointed.hit : null, ends };
}

function sameOr<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return before.length === now.length && before.every((item, at) => item === now[at]) ? before : now;
}

/** The width of an element, followed. */
function useWidth(element: React.RefObject<HTMLElement>): number {
  const [width, setWidth] = React.useState(0);
  React.useEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => setWidth(node.clientWidth));
    observer.observe(node);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

interface ITipProps {
  readonly hit: IHit;
  /** Whether there is more room before the point than behind it. */
  readonly isBefore: boolean;
  readonly line: IStyledLine;
  readonly axis: IDrawing['axis'];
  readonly name: string;
  readonly trans: TranslationBundle;
}

/** What was measured where the pointer is. */
function Tip({ hit, isBefore, line, axis, name, trans }: ITipProps): React.JSX.Element {
  const { xs, ys, raw, steps } = line;
  const y = ys[hit.point] ?? null;
  const measured = raw?.[hit.point] ?? null;
  const step = steps[hit.point];
  const at = step === undefined ? '' : trans.__('step %1', formatNumber(step));
  const place = axis === 'step' ? '' : formatX(axis, xs[hit.point] ?? 0);
  return (
    <div
      className={`jp-WindlassChart-tip${isBefore ? ' jp-mod-before' : ''}`}
      aria-hidden
      style={{ insetInlineStart: hit.left, insetBlockStart: hit.top }}
    >
      <strong>{name}</strong>
      <span>{[place, at].filter(Boolean).join(', ')}</span>
      <span>
        {y !== null && measured !== null
          ? trans.__('%1 (smoothed %2)', formatNumber(measured), formatNumber(y))
          : y !== null && formatNumber(y)}
      </span>
    </div>
  );
}
