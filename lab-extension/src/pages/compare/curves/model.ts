/**
 * The curves of the metrics in view: a first look at once, the even sample after it, and of a part that is looked at
 * closely every point.
 *
 * A metric is asked for by itself, so that the first is drawn while others are on their way and none is read twice.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { toMessage } from '../../../api/errors';
import type { ExperimentsClient } from '../../../api/experiments';
import type { Curve, CurvesRequest } from '../../../api/types';
import { spliced } from './lines';

/** Steps from the first to the last, both included. */
export interface IStepWindow {
  readonly from: number;
  readonly to: number;
}

/** `coarse`: drawn, but peaks may be missing yet. */
export type CurvesState = 'loading' | 'coarse' | 'ready' | 'error';

/** What there is of one metric. */
interface IShelf {
  readonly metric: string;
  readonly window: IStepWindow | null;
  curves: readonly Curve[];
  state: CurvesState;
  problem: string | null;
}

/** Points of all runs together, of one metric. */
const ALL_POINTS = 20_000;
const FEWEST_POINTS = 200;
const MOST_POINTS = 1000;
const REQUESTS_AT_ONCE = 2;

/** Curves of some runs. */
export class CurvesModel implements IDisposable {
  constructor(options: CurvesModel.IOptions) {
    this._client = options.client;
    this._runIds = options.runIds;
    this._trans = options.trans;
    const each = Math.floor(ALL_POINTS / Math.max(1, options.runIds.length));
    this._points = Math.min(Math.max(each, FEWEST_POINTS), MOST_POINTS);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get metrics(): readonly string[] {
    return this._metrics;
  }

  /** Another number whenever something has changed. */
  get revision(): number {
    return this._revision;
  }

  /** The part that is looked at closely; null: all of it. */
  get window(): IStepWindow | null {
    return this._window;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The best there is of a metric now: the part in view in full, what lies around it as a sample. */
  curvesOf(metric: string): readonly Curve[] {
    const whole = this._whole.get(metric)?.curves ?? [];
    const part = this._part.get(metric);
    if (!part || part.curves.length === 0 || !this._window) {
      return whole;
    }
    return spliced(whole, part.curves, this._window);
  }

  /** How far the metrics in view have come, the least first. */
  get state(): CurvesState {
    const states = new Set(this._shelves().map(shelf => shelf.state));
    const order: CurvesState[] = ['loading', 'error', 'coarse'];
    return order.find(state => states.has(state)) ?? 'ready';
  }

  /** Why some of the metrics in view cannot be read. */
  get problem(): string | null {
    return this._shelves().find(shelf => shelf.problem !== null)?.problem ?? null;
  }

  /** The time of each run's first point, in POSIX milliseconds: relative time counts from it. */
  get origins(): ReadonlyMap<string, number> {
    const origins = new Map<string, number>();
    for (const metric of this._metrics) {
      for (const { run_id: run, times_ms: times } of this._whole.get(metric)?.curves ?? []) {
        const first = times.reduce((least, time) => Math.min(least, time), Infinity);
        origins.set(run, Math.min(first, origins.get(run) ?? Infinity));
      }
    }
    return origins;
  }

  /** Have these metrics in view. */
  show(metrics: readonly string[]): void {
    if (metrics.join('\n') !== this._metrics.join('\n')) {
      this._metrics = metrics;
      this._want();
      this._emit();
    }
  }

  /** Look closely at some steps; null: at all of it. */
  zoom(window: IStepWindow | null): void {
    if (window?.from !== this._window?.from || window?.to !== this._window?.to) {
      this._window = window;
      this._part.clear();
      this._want();
      this._emit();
    }
  }

  /** Ask again for what could not be read. */
  retry(): void {
    for (const shelf of this._shelves().filter(({ state }) => state === 'error')) {
      shelf.state = 'loading';
      shelf.problem = null;
      this._queue.push(shelf);
    }
    this._emit();
    this._work();
  }

  /** Ask for what has been added to these runs. Never throws. */
  async follow(runIds: readonly string[]): Promise<void> {
    const due = this._shelves().filter(({ state }) => state === 'ready');
    if (runIds.length > 0) {
      await Promise.all(due.map(async shelf => this._update(shelf, runIds)));
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._queue = [];
      Signal.clearData(this);
    }
  }

  /** What is in view. */
  private _shelves(): IShelf[] {
    return [this._whole, this._part].flatMap(place =>
      this._metrics.flatMap(metric => place.get(metric) ?? [])
    );
  }

  private _want(): void {
    // What is not in view any more is not waited for.
    this._queue.splice(0).forEach(shelf => this._placeOf(shelf).delete(shelf.metric));
    for (const metric of this._metrics) {
      this._enqueue(metric, null);
      if (this._window) {
        this._enqueue(metric, this._window);
      }
    }
    this._work();
  }

  private _enqueue(metric: string, window: IStepWindow | null): void {
    const place = window ? this._part : this._whole;
    if (!place.has(metric)) {
      const shelf: IShelf = { metric, window, curves: [], state: 'loading', problem: null };
      place.set(metric, shelf);
      this._queue.push(shelf);
    }
  }

  private _placeOf(shelf: IShelf): Map<string, IShelf> {
    return shelf.window ? this._part : this._whole;
  }

  private _work(): void {
    while (this._busy < REQUESTS_AT_ONCE && this._queue.length > 0) {
      const shelf = this._queue.shift();
      if (shelf) {
        this._busy++;
        void this._fill(shelf).finally(() => {
          this._busy--;
          this._work();
        });
      }
    }
  }

  /** Read a metric: what is long at first coarsely. */
  private async _fill(shelf: IShelf): Promise<void> {
    try {
      shelf.curves = await this._ask(shelf, this._runIds, shelf.window === null);
      const coarse = shelf.curves.filter(curve => curve.coarse).map(curve => curve.run_id);
      if (coarse.length > 0 && this._isWanted(shelf)) {
        shelf.state = 'coarse';
        this._emit();
        await this._replace(shelf, coarse);
      }
      shelf.state = 'ready';
    } catch (error) {
      shelf.state = 'error';
      shelf.problem = toMessage(error, this._trans);
    }
    if (this._isWanted(shelf)) {
      this._emit();
    }
  }

  private async _update(shelf: IShelf, runIds: readonly string[]): Promise<void> {
    try {
      await this._replace(shelf, runIds);
    } catch {
      // The curves stay as they were; that the server does not answer is said by the comparison.
      return;
    }
    if (this._isWanted(shelf)) {
      this._emit();
    }
  }

  private async _replace(shelf: IShelf, runIds: readonly string[]): Promise<void> {
    const fresh = new Map((await this._ask(shelf, runIds, false)).map(curve => [curve.run_id, curve]));
    const known = new Set(shelf.curves.map(curve => curve.run_id));
    shelf.curves = [
      ...shelf.curves.map(curve => fresh.get(curve.run_id) ?? curve),
      ...[...fresh.values()].filter(curve => !known.has(curve.run_id))
    ];
  }

  private async _ask(
    { metric, window }: IShelf,
    runIds: readonly string[],
    isQuick: boolean
  ): Promise<Curve[]> {
    const body: CurvesRequest = {
      run_ids: [...runIds],
      metrics: [metric],
      points: this._points,
      quick: isQuick,
      from_step: window?.from ?? null,
      to_step: window?.to ?? null
    };
    return (await this._client.curves(body)).curves;
  }

  private _isWanted(shelf: IShelf): boolean {
    return this._placeOf(shelf).get(shelf.metric) === shelf;
  }

  private _emit(): void {
    this._revision++;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _busy = 0;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _client: Pick<ExperimentsClient, 'curves'>;
  private _isDisposed = false;
  private _metrics: readonly string[] = [];
  private readonly _part = new Map<string, IShelf>();
  private readonly _points: number;
  private _queue: IShelf[] = [];
  private _revision = 0;
  private readonly _runIds: readonly string[];
  private readonly _trans: TranslationBundle;
  private readonly _whole = new Map<string, IShelf>();
  private _window: IStepWindow | null = null;
}

/** A namespace for CurvesModel. */
export namespace CurvesModel {
  /** Options of a CurvesModel. */
  export interface IOptions {
    readonly client: Pick<ExperimentsClient, 'curves'>;
    readonly runIds: readonly string[];
    readonly trans: TranslationBundle;
  }
}
