/**
 * Where a job is in its cluster, asked for when the job has changed and somebody looks: it is not polled.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { toMessage, toWindlassError } from '../../../api/errors';
import type { JobPlacement } from '../../../api/types';
import type { JobPageModel } from '../model';

/** `stale`: the answer is of an earlier version of the job, and a newer one cannot be had. */
export type PlacementState = 'loading' | 'ready' | 'stale' | 'forbidden' | 'error';

/** The answer is not asked for more often than this, however often the job changes. */
const LEAST_MILLISECONDS = 1000;

/** The placement of the job of a page. */
export class PlacementModel implements IDisposable {
  constructor(options: PlacementModel.IOptions) {
    this._page = options.page;
    this._isSeen = options.isSeen;
    this._least = options.leastMilliseconds ?? LEAST_MILLISECONDS;
    this._page.changed.connect(this.update, this);
    this.update();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): PlacementState {
    return this._state;
  }

  /** The last answer. */
  get placement(): JobPlacement | null {
    return this._placement;
  }

  /** Why there is no current answer. */
  get problem(): string | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Ask if the job has changed since, and the answer is looked at. */
  update(): void {
    const version = this._page.job?.version;
    const isDue = version !== undefined && version !== this._version && this._isSeen();
    if (isDue && this._timer === 0 && !this._isDisposed) {
      void this.refresh();
    }
  }

  /** Ask now. Never throws: `problem` says what went wrong. */
  async refresh(): Promise<void> {
    const { job, windlass, jobId } = this._page;
    this._version = job?.version ?? null;
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      this._timer = 0;
      this.update();
    }, this._least);
    const question = ++this._question;
    try {
      const placement = await windlass.client.placement(jobId);
      this._take(question, 'ready', placement, null);
    } catch (error) {
      const isForbidden = toWindlassError(error).kind === 'forbidden';
      const state = this._placement ? 'stale' : isForbidden ? 'forbidden' : 'error';
      this._take(question, state, this._placement, toMessage(error, windlass.trans));
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      this._page.changed.disconnect(this.update, this);
      Signal.clearData(this);
    }
  }

  /** Take an answer, but for one that comes after that to a later question. */
  private _take(
    question: number,
    state: PlacementState,
    placement: JobPlacement | null,
    problem: string | null
  ): void {
    if (!this._isDisposed && question === this._question) {
      this._state = state;
      this._placement = placement;
      this._problem = problem;
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private readonly _isSeen: () => boolean;
  private readonly _least: number;
  private readonly _page: JobPageModel;
  private _placement: JobPlacement | null = null;
  private _problem: string | null = null;
  private _question = 0;
  private _state: PlacementState = 'loading';
  private _timer = 0;
  private _version: number | null = null;
}

/** A namespace for PlacementModel. */
export namespace PlacementModel {
  /** Options of a PlacementModel. */
  export interface IOptions {
    readonly page: JobPageModel;
    /** Whether somebody can see the answer. */
    readonly isSeen: () => boolean;
    readonly leastMilliseconds?: number;
  }
}
