/** The charts of a page of GPUs: controls, charts over one axis of time, and their figures as a table. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { GpuCondition } from '../../api/types';
import { Conditions } from '../../components/gpuConditions';
import { Lazily } from '../../components/lazily';
import { formatDuration } from '../../components/duration';
import type { IStyledLine } from '../compare/curves/drawing';
import type { Range } from '../compare/curves/lines';
import { loadChart } from '../compare/curves/loadChart';
import { MetricPicker } from '../compare/curves/metricPicker';
import { Zoom } from '../compare/curves/toolbar';
import type { XAxis } from '../compare/view';
import type { IGpuChart } from './charts';
import { describeChart } from './charts';
import { SPANS } from './model';
import { FiguresTable } from './table';

/** How a page is looked at. */
export interface IGpuView {
  readonly axis: XAxis;
  /** The part in view; null: all. */
  readonly range: Range | null;
}

interface IChartsProps {
  readonly charts: readonly IGpuChart[];
  /** The part of the axis in view. */
  readonly extent: Range;
  readonly view: IGpuView;
  readonly onView: (view: IGpuView) => void;
  readonly conditions: readonly GpuCondition[];
  /** How far back; null: a job's life. */
  readonly seconds: number | null;
  readonly onSeconds: (seconds: number) => void;
  /** null: there are no metrics beside it. */
  readonly metrics: {
    readonly keys: readonly string[];
    readonly chosen: readonly string[];
    readonly onChoose: (metrics: readonly string[]) => void;
    readonly note: string | null;
  } | null;
  readonly trans: TranslationBundle;
}

/** Controls, charts and table. */
export function Charts(props: IChartsProps): React.JSX.Element {
  const { charts, extent, view, onView, conditions, metrics, trans } = props;
  const [highlighted, setHighlighted] = React.useState<string | null>(null);
  const onZoom = (range: Range | null): void => onView({ ...view, range });
  return (
    <div className="jp-WindlassCompare-tab jp-WindlassGpuPage-body">
      <Controls {...props} />
      <Conditions conditions={conditions} trans={trans} />
      {metrics?.note && <p className="jp-WindlassMuted">{metrics.note}</p>}
      {charts.map(chart => (
        <section key={chart.key} className="jp-WindlassCompare-chart" aria-label={chart.title}>
          <h3>{chart.unit ? `${chart.title} (${chart.unit})` : chart.title}</h3>
          {chart.drawing ? (
            <Lazily
              load={loadChart}
              props={{
                drawing: chart.drawing,
                description: describeChart(chart, extent, trans),
                highlighted: keyIn(chart, highlighted),
                onHighlight: key => setHighlighted(idOf(chart, key)),
                nameOf,
                onZoom,
                trans
              }}
              trans={trans}
            />
          ) : (
            <p className="jp-WindlassMuted">{trans.__('Not known for the time in view.')}</p>
          )}
        </section>
      ))}
      <FiguresTable charts={charts} extent={extent} trans={trans} />
    </div>
  );
}

function nameOf({ metric }: IStyledLine): string {
  return metric;
}

/** The line of the same device or run on this chart. */
function keyIn({ lines }: IGpuChart, id: string | null): string | null {
  return lines.find(({ runId }) => runId === id)?.key ?? null;
}

function idOf({ lines }: IGpuChart, key: string | null): string | null {
  return lines.find(line => line.key === key)?.runId ?? null;
}

function Controls({
  view,
  onView,
  extent,
  seconds,
  onSeconds,
  metrics,
  trans
}: IChartsProps): React.JSX.Element {
  return (
    <div className="jp-WindlassCompare-controls">
      {metrics && metrics.keys.length > 0 && <MetricPicker {...metrics} trans={trans} />}
      {seconds === null ? (
        <label className="jp-WindlassCompare-control">
          <span>{trans.__('Over')}</span>
          <select
            className="jp-WindlassSelect"
            value={view.axis}
            onChange={event => onView({ axis: event.target.value as XAxis, range: null })}
          >
            <option value="relative">{trans.__('Time since the job’s start')}</option>
            <option value="wall">{trans.__('Time of day')}</option>
          </select>
        </label>
      ) : (
        <label className="jp-WindlassCompare-control">
          <span>{trans.__('The last')}</span>
          <select
            className="jp-WindlassSelect"
            value={seconds}
            onChange={event => {
              onView({ ...view, range: null });
              onSeconds(Number(event.target.value));
            }}
          >
            {SPANS.map(span => (
              <option key={span} value={span}>
                {spanName(span, trans)}
              </option>
            ))}
          </select>
        </label>
      )}
      <Zoom range={view.range} extent={extent} onZoom={range => onView({ ...view, range })} trans={trans} />
    </div>
  );
}

function spanName(seconds: number, trans: TranslationBundle): string {
  const hours = seconds / 3600;
  if (hours >= 1) {
    return trans._n('%1 hour', '%1 hours', hours);
  }
  return Number.isInteger(seconds / 60)
    ? trans._n('%1 minute', '%1 minutes', seconds / 60)
    : formatDuration(seconds);
}
