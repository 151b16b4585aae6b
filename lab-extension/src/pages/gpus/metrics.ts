/** What a job's runs logged, for charts beside its GPUs. The runs may come while one looks: then it begins anew. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ExperimentsClient } from '../../api/experiments';
import type { ComparedValue } from '../../api/types';
import { isLive } from '../../api/types';
import { CurvesModel } from '../compare/curves/model';
import { CompareModel, MOST_RUNS } from '../compare/model';

/** So many metrics are drawn unless the user chooses others. */
const FEW = 2;

/** Metrics that tell of the machine or of money, which have charts of their own. */
const BESIDE = /^system\/|^windlass\./;

/** The metrics of some runs. */
export class JobMetricsModel implements IDisposable {
  constructor(options: JobMetricsModel.IOptions) {
    this._options = options;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** null: the job has no runs. */
  get curves(): CurvesModel | null {
    return this._curves;
  }

  get runIds(): readonly string[] {
    return this._runIds;
  }

  /** What the runs are called, by id. */
  get names(): ReadonlyMap<string, string> {
    return new Map(this._compare?.comparison?.runs.map(run => [run.id, run.name]) ?? []);
  }

  get keys(): readonly string[] {
    return this._metrics.map(({ key }) => key);
  }

  /** In view: what was chosen, else some. */
  get chosen(): readonly string[] {
    const known = new Set(this.keys);
    const wanted = this._wanted?.filter(key => known.has(key)) ?? [];
    return wanted.length > 0 ? wanted : this._own().slice(0, FEW);
  }

  /** Why there are none to show; null: there are, or nothing is wrong. */
  get problem(): string | null {
    return this._compare?.problem ?? this._curves?.problem ?? null;
  }

  get isLoading(): boolean {
    return this._compare?.state === 'loading';
  }

  /** Whether a run may still log. */
  get isLive(): boolean {
    return this._compare?.isLive ?? false;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Which runs. */
  setRuns(ids: readonly string[]): void {
    const runIds = [...new Set(ids)].slice(0, MOST_RUNS);
    if (runIds.join() === this._runIds.join()) {
      return;
    }
    this._drop();
    this._runIds = runIds;
    if (runIds.length > 0) {
      const options = { ...this._options, runIds };
      this._compare = new CompareModel(options);
      this._curves = new CurvesModel(options);
      this._compare.changed.connect(this._onChanged, this);
      this._curves.changed.connect(this._emit, this);
      void this._compare.refresh();
    }
    this._emit();
  }

  /** Draw these. */
  choose(metrics: readonly string[]): void {
    this._wanted = metrics;
    this._onChanged();
  }

  /** Ask for what is new. Never throws. */
  async follow(): Promise<void> {
    const live = this._compare?.comparison?.runs.filter(run => isLive(run.status)).map(run => run.id) ?? [];
    await Promise.all([this._compare?.refresh(), this._curves?.follow(live)]);
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._drop();
      Signal.clearData(this);
    }
  }

  private get _metrics(): readonly ComparedValue[] {
    return this._compare?.comparison?.metrics ?? [];
  }

  private _own(): string[] {
    return this.keys.filter(key => !BESIDE.test(key));
  }

  private _onChanged(): void {
    this._curves?.show(this.chosen);
    this._emit();
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _drop(): void {
    this._compare?.dispose();
    this._curves?.dispose();
    this._compare = this._curves = null;
  }

  private readonly _changed = new Signal<this, void>(this);
  private _compare: CompareModel | null = null;
  private _curves: CurvesModel | null = null;
  private _isDisposed = false;
  private readonly _options: JobMetricsModel.IOptions;
  private _runIds: readonly string[] = [];
  private _wanted: readonly string[] | null = null;
}

/** A namespace for JobMetricsModel. */
export namespace JobMetricsModel {
  /** Options of a JobMetricsModel. */
  export interface IOptions {
    readonly client: Pick<ExperimentsClient, 'compare' | 'curves'>;
    readonly trans: TranslationBundle;
  }
}
