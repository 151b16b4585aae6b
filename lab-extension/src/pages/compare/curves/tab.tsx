/** The tab of curves: what is drawn, the charts, and whose lines they are. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ComparedValue, Run } from '../../../api/types';
import { Lazily } from '../../../components/lazily';
import { StateView } from '../../../components/stateView';
import type { CompareView, ICompareView } from '../view';
import { MOST_METRICS } from '../view';
import type { IComposed } from './compose';
import { axisName, compose, describe } from './compose';
import type { IStyledLine } from './drawing';
import type { Range } from './lines';
import { stepsWithin } from './lines';
import { loadChart } from './loadChart';
import type { CurvesModel } from './model';
import { Notes } from './notes';
import { RunList } from './runList';
import { CurveTables } from './tables';
import { Toolbar } from './toolbar';

interface ICurvesTabProps {
  readonly runs: readonly Run[];
  /** The metrics there are. */
  readonly metrics: readonly ComparedValue[];
  readonly curves: CurvesModel;
  /** `curves.revision`, so that the tab is rendered anew with it. */
  readonly revision: number;
  readonly view: CompareView;
  readonly value: ICompareView;
  readonly onOpenRun: ((id: string) => void) | null;
  readonly trans: TranslationBundle;
}

/** The tab. */
export function CurvesTab(props: ICurvesTabProps): React.JSX.Element {
  const { runs, metrics, curves, view, value, onOpenRun, trans } = props;
  const [hidden, setHidden] = React.useState<ReadonlySet<string>>(new Set());
  const [highlighted, setHighlighted] = React.useState<string | null>(null);
  const [range, setRange] = React.useState<Range | null>(null);
  const [isTable, setTable] = React.useState(false);
  const keys = React.useMemo(() => metrics.map(({ key }) => key), [metrics]);
  const chosen = React.useMemo(() => chosenOf(value.metrics, metrics), [value.metrics, metrics]);
  React.useEffect(() => curves.show(chosen), [curves, chosen]);
  const charts = useCharts(props, { chosen, hidden, range });
  const lines = charts.flatMap(chart => chart.lines);
  const isDashed = chosen.length === 1 || value.isSplit;
  const names = React.useMemo(() => new Map(runs.map(run => [run.id, run.name])), [runs]);
  const nameOf = (line: IStyledLine): string => {
    const name = names.get(line.runId) ?? line.runId;
    return isDashed ? name : `${name} · ${line.metric}`;
  };
  const zoom = (next: Range | null): void => {
    setRange(next);
    curves.zoom(next && stepsWithin(lines, value.axis, next));
  };
  if (keys.length === 0) {
    return <StateView kind="empty" text={trans.__('None of these runs has logged a metric.')} />;
  }
  return (
    <div className="jp-WindlassCompare-tab">
      <Toolbar
        onChange={change => {
          if (change.axis !== undefined) {
            zoom(null);
          }
          view.set(change);
        }}
        extent={charts[0]?.drawing?.xRange ?? null}
        onZoom={zoom}
        onTable={setTable}
        {...{ keys, chosen, value, range, isTable, trans }}
      />
      <Notes {...{ curves, lines, isDashed, trans }} runCount={runs.length} />
      {charts.map(chart => (
        <ChartBox
          key={chart.metrics.join('\n')}
          {...{ chart, value, highlighted, nameOf, trans }}
          state={curves.state}
          onHighlight={setHighlighted}
          onZoom={zoom}
        />
      ))}
      {isTable && <CurveTables lines={lines} axis={value.axis} range={range} names={names} trans={trans} />}
      <RunList
        runs={runs}
        hidden={hidden}
        onHide={setHidden}
        isDashed={isDashed}
        onOpenRun={onOpenRun}
        trans={trans}
      />
    </div>
  );
}

/** The charts, composed anew when something of them has changed. */
function useCharts(
  { runs, curves, revision, value }: ICurvesTabProps,
  { chosen, hidden, range }: { chosen: readonly string[]; hidden: ReadonlySet<string>; range: Range | null }
): IComposed[] {
  const { axis, isLog, smoothing, isSplit } = value;
  return React.useMemo(
    () =>
      compose({
        metrics: chosen,
        curvesOf: metric => curves.curvesOf(metric),
        origins: curves.origins,
        runIds: runs.map(run => run.id),
        ...{ hidden, range, axis, isLog, smoothing, isSplit }
      }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the model says by its revision that it has changed
    [runs, curves, revision, chosen, hidden, range, axis, isLog, smoothing, isSplit]
  );
}

interface IChartBoxProps {
  readonly chart: IComposed;
  readonly value: ICompareView;
  readonly state: CurvesModel['state'];
  readonly highlighted: string | null;
  readonly onHighlight: (key: string | null) => void;
  readonly onZoom: (range: Range | null) => void;
  readonly nameOf: (line: IStyledLine) => string;
  readonly trans: TranslationBundle;
}

/** A chart with its heading, or why there is none. */
function ChartBox(props: IChartBoxProps): React.JSX.Element {
  const { chart, value, state, highlighted, onHighlight, onZoom, nameOf, trans } = props;
  return (
    <section className="jp-WindlassCompare-chart">
      <h3>
        {trans.__('%1 over %2', chart.metrics.join(', '), axisName(value.axis, trans).toLocaleLowerCase())}
      </h3>
      {chart.drawing ? (
        <Lazily
          load={loadChart}
          props={{
            drawing: chart.drawing,
            description: describe(chart, value.axis, nameOf, trans),
            ...{ highlighted, onHighlight, onZoom, nameOf, trans }
          }}
          trans={trans}
        />
      ) : state === 'loading' ? (
        <StateView kind="loading" text={trans.__('Loading…')} />
      ) : (
        <StateView
          kind="empty"
          text={trans.__('There is nothing to draw: no finite value lies in view, or all runs are hidden.')}
        />
      )}
    </section>
  );
}

/** The metrics in view: those chosen, of those there are; else one that most runs have and that differs. */
export function chosenOf(chosen: readonly string[] | null, metrics: readonly ComparedValue[]): string[] {
  const keys = new Set(metrics.map(({ key }) => key));
  const known = (chosen ?? []).filter(key => keys.has(key)).slice(0, MOST_METRICS);
  if (known.length > 0) {
    return known;
  }
  const rank = ({ key, values, differs }: ComparedValue): number =>
    values.filter(value => value !== null).length * 4 +
    (differs ? 2 : 0) -
    // What is logged beside every run says little about one.
    (/^system\/|^windlass\./.test(key) ? 1000 : 0);
  const best = [...metrics].sort((one, other) => rank(other) - rank(one))[0];
  return best ? [best.key] : [];
}
