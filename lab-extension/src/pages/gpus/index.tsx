/**
 * The page of GPUs in the main area: how a job's were used over its life and what that cost, beside what its runs
 * logged, on one axis of time; or how this machine's were used.
 *
 * It shows what its models say. It looks, and asks for what is new, while it can be seen.
 */
import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/jobPage.css';
import '../../../style/compare.css';
import '../../../style/gpus.css';
import '../../../style/gpuPage.css';
import { ExperimentsClient } from '../../api/experiments';
import type { Job } from '../../api/types';
import { CommandIDs } from '../../commands';
import { StateView } from '../../components/stateView';
import { windlassIcon } from '../../icons';
import { MACHINE_KEY } from '../../model/gpuCommands';
import { gpusOf } from '../../model/gpus';
import type { IWindlass } from '../../tokens';
import { compose } from '../compare/curves/compose';
import type { IStyledLine } from '../compare/curves/drawing';
import { Pulse } from '../compare/pulse';
import { JobPageModel } from '../job/model';
import { achievedText, gainsOf, tookFigures } from './achieved';
import type { IGpuView } from './body';
import { Charts } from './body';
import { chartsOf } from './charts';
import { Header } from './header';
import { JobMetricsModel } from './metrics';
import { GpuHistoryModel } from './model';
import type { IGpuPast } from './series';

/** The past is asked for anew after so long; what comes between is heard each second. */
const REFRESH_MILLISECONDS = 10_000;

/** The page of one job's GPUs, or of this machine's. */
export class GpusPage extends MainAreaWidget<ReactWidget> {
  constructor(options: GpusPage.IOptions) {
    const changed = new Signal<object, void>({});
    super({
      content: ReactWidget.create(<UseSignal signal={changed}>{() => this._render()}</UseSignal>)
    });
    const { windlass, key, commands } = options;
    const { trans, client } = windlass;
    const jobId = key === MACHINE_KEY ? null : key;
    this._changed = changed;
    this._commands = commands;
    this._windlass = windlass;
    this._history = new GpuHistoryModel({ gpus: gpusOf(windlass), jobId, trans });
    this._job = jobId === null ? null : new JobPageModel({ windlass, jobId });
    const experiments = new ExperimentsClient({ serverSettings: client.serverSettings });
    this._metrics = new JobMetricsModel({ client: experiments, trans });
    this._view = { axis: jobId === null ? 'wall' : 'relative', range: null };
    this._pulse = new Pulse({
      ask: async () => this._follow(),
      isSeen: () => this.isVisible,
      isWanted: () => this._history.isLive || this._history.state === 'stale' || this._metrics.isLive,
      leastMilliseconds: options.leastMilliseconds ?? REFRESH_MILLISECONDS
    });
    this.id = `jp-windlass-gpus-${key}`;
    this.title.icon = windlassIcon;
    this.title.closable = true;
    this.addClass('jp-WindlassGpuPage');
    this.content.addClass('jp-WindlassCompare-content');
    this.toolbar.hide();
    this._history.changed.connect(this._onChanged, this);
    this._metrics.changed.connect(this._onChanged, this);
    this._job?.changed.connect(this._onJob, this);
    this._onJob();
    void this._history.refresh();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      for (const part of [this._pulse, this._history, this._metrics, this._job, this._look]) {
        part?.dispose();
      }
      super.dispose();
    }
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._see();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._see();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._see();
  }

  /** Begin or end to look, as it can be seen. */
  private _see(): void {
    this._pulse.update();
    const isLooking = this.isVisible && this._history.isLive;
    if (isLooking) {
      this._look ??= this._history.gpus.look();
    } else {
      this._look?.dispose();
      this._look = null;
    }
  }

  private _onJob(): void {
    const { trans } = this._windlass;
    const job = this._job?.job ?? null;
    this.title.label = job ? trans.__('GPUs of %1', job.name) : trans.__('GPUs');
    if (job) {
      this._metrics.setRuns([
        ...(job.run_id === null ? [] : [job.run_id]),
        ...job.runs.map(run => run.run_id)
      ]);
    }
    this._onChanged();
  }

  private _onChanged(): void {
    this._see();
    this._changed.emit();
  }

  private async _follow(): Promise<void> {
    await Promise.all([this._history.refresh(), this._metrics.follow()]);
  }

  private _render(): React.JSX.Element {
    const { trans } = this._windlass;
    const { history, state, problem, usage, alarms, jobId, isLive, seconds } = this._history;
    if (!history) {
      return <StateView {...this._stateProps()} />;
    }
    const job = this._job?.job ?? null;
    const usd = this._usd(job);
    const metrics = this._metricLines(history.start);
    const { charts, extent } = chartsOf({
      past: this._past(),
      metrics,
      isJob: jobId !== null,
      axis: this._view.axis,
      range: this._view.range,
      together: this.id,
      trans
    });
    const gains = gainsOf(metrics);
    return (
      <>
        <Header
          job={job}
          title={this.title.label}
          figures={jobId === null ? [] : tookFigures(job, usd, usage, trans)}
          achieved={achievedText(gains, usd, isLive, trans)}
          alarms={alarms}
          problem={state === 'stale' ? problem : null}
          onRefresh={() => void this._follow()}
          onOpenJob={job && (() => void this._commands.execute(CommandIDs.openJob, { id: job.id }))}
          trans={trans}
        />
        <div className="jp-WindlassCompare-panel">
          <Charts
            charts={charts}
            extent={extent}
            view={this._view}
            onView={view => this._setView(view)}
            conditions={history.conditions}
            seconds={jobId === null ? seconds : null}
            onSeconds={next => void this._history.setSeconds(next)}
            metrics={jobId === null ? null : this._metricControls()}
            trans={trans}
          />
        </div>
      </>
    );
  }

  private _stateProps(): StateView.IProps {
    const { trans } = this._windlass;
    const { state, problem } = this._history;
    const actions = [{ label: trans.__('Try again'), act: () => void this._history.refresh() }];
    switch (state) {
      case 'missing':
        return { kind: 'empty', text: trans.__('There is no such job. It may have been deleted.') };
      case 'forbidden':
      case 'error':
        return { kind: state, text: problem ?? '', actions };
      default:
        return { kind: 'loading', text: trans.__('Loading…') };
    }
  }

  private _past(): IGpuPast {
    const { history, usdSince, gpus } = this._history;
    if (!history) {
      throw new Error('There is no past before it was asked for.');
    }
    const origin = this._view.axis === 'relative' ? history.start : 0;
    // What has ended has no end that grows.
    const trailOf: IGpuPast['trailOf'] = id => (this._history.isLive ? gpus.trailOf(id) : []);
    return { history, trailOf, usdSince, origin };
  }

  /** The newest that is known. */
  private _usd(job: Job | null): number | null {
    const { usdSince, history } = this._history;
    const known = history?.usd.filter(usd => usd !== null) ?? [];
    return usdSince[usdSince.length - 1]?.[1] ?? known[known.length - 1] ?? job?.cost_usd ?? null;
  }

  private _metricLines(start: number): { metric: string; lines: readonly IStyledLine[] }[] {
    const { curves, runIds, chosen, names } = this._metrics;
    if (!curves) {
      return [];
    }
    const composed = compose({
      metrics: chosen,
      curvesOf: metric => curves.curvesOf(metric),
      runIds,
      hidden: new Set(),
      isSplit: true,
      range: null,
      axis: this._view.axis,
      isLog: false,
      smoothing: 0,
      origins: new Map(runIds.map(id => [id, start * 1000]))
    });
    // The chart is called after the metric, its lines after their runs.
    return composed.map(({ metrics: [metric = ''], lines }) => ({
      metric,
      lines: lines.map(line => ({ ...line, metric: names.get(line.runId) ?? line.runId }))
    }));
  }

  private _metricControls(): React.ComponentProps<typeof Charts>['metrics'] {
    const { trans } = this._windlass;
    const { keys, chosen, problem, isLoading, runIds } = this._metrics;
    const none = runIds.length === 0 ? trans.__('This job has no MLflow run yet.') : null;
    const empty = keys.length === 0 && !isLoading ? trans.__('Its runs have logged no metric yet.') : null;
    return {
      keys,
      chosen,
      onChoose: metrics => this._metrics.choose(metrics),
      note: problem ?? none ?? empty
    };
  }

  private _setView(view: IGpuView): void {
    this._view = view;
    this._changed.emit();
  }

  private readonly _changed: Signal<object, void>;
  private readonly _commands: CommandRegistry;
  private readonly _history: GpuHistoryModel;
  private readonly _job: JobPageModel | null;
  private _look: IDisposable | null = null;
  private readonly _metrics: JobMetricsModel;
  private readonly _pulse: Pulse;
  private _view: IGpuView;
  private readonly _windlass: IWindlass;
}

/** A namespace for GpusPage. */
export namespace GpusPage {
  /** Options of a GpusPage. */
  export interface IOptions {
    readonly windlass: IWindlass;
    /** A job's id, or `MACHINE_KEY`. */
    readonly key: string;
    readonly commands: CommandRegistry;
    /** The shortest pause between two questions about the past. */
    readonly leastMilliseconds?: number;
  }
}
