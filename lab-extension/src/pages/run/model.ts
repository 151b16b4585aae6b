/** One run, for its page: read whole, and again while it may change and is on screen. */
import { Poll } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ExperimentsClient } from '../../api/experiments';
import { sameProblem, toWindlassError, type WindlassError } from '../../api/errors';
import type { RunDetail } from '../../api/types';
import { isLive } from '../../api/types';
import { trackedOf } from '../../model/experiments';
import type { IWindlass } from '../../tokens';

/** A run that has ended is not asked for again; the poll sleeps so long. */
const NEVER = Poll.NEVER;

/** The run of a page. */
export class RunPageModel implements IDisposable {
  constructor(options: RunPageModel.IOptions) {
    this.windlass = options.windlass;
    this.runId = options.runId;
    this.client = trackedOf(options.windlass).client;
    this._poll = new Poll({
      auto: false,
      name: '@windlass/lab-extension:RunPageModel#run',
      frequency: { interval: NEVER, backoff: true, max: 300_000 },
      standby: () => !this._isSeen || 'when-hidden',
      factory: async () => this._read()
    });
  }

  readonly client: ExperimentsClient;
  readonly runId: string;
  readonly windlass: IWindlass;

  /** Anything below has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get detail(): RunDetail | null {
    return this._detail;
  }

  /** Why the newest answer is not there; null: it is. */
  get problem(): WindlassError | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._poll.dispose();
      Signal.clearData(this);
    }
  }

  /** The page is on screen, or no longer. Nothing is asked while it is not. */
  setSeen(isSeen: boolean): void {
    const isFirst = isSeen && !this._isStarted;
    this._isSeen = isSeen;
    if (isFirst) {
      this._isStarted = true;
      void this.refresh();
    }
  }

  /** Ask for the run now. Never throws: `problem` says what went wrong. */
  async refresh(): Promise<void> {
    try {
      await this._read();
    } catch {
      // `problem` tells it.
    }
  }

  private async _read(): Promise<void> {
    try {
      const detail = await this.client.run(this.runId);
      if (!this._isDisposed) {
        this._take(detail);
      }
    } catch (error) {
      const problem = toWindlassError(error);
      if (!this._isDisposed && !sameProblem(problem, this._problem)) {
        this._problem = problem;
        this._changed.emit();
      }
      throw error;
    }
  }

  private _take(detail: RunDetail): void {
    this._detail = detail;
    this._problem = null;
    const interval = isLive(detail.run.status) ? this.windlass.settings.pollSeconds * 1000 : NEVER;
    if (interval !== this._poll.frequency.interval) {
      this._poll.frequency = { ...this._poll.frequency, interval };
      void this._poll.schedule({ interval, phase: 'resolved' });
    }
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _detail: RunDetail | null = null;
  private _isDisposed = false;
  private _isSeen = false;
  private _isStarted = false;
  private readonly _poll: Poll;
  private _problem: WindlassError | null = null;
}

/** A namespace for `RunPageModel` statics. */
export namespace RunPageModel {
  /** The options of a `RunPageModel`. */
  export interface IOptions {
    readonly runId: string;
    readonly windlass: IWindlass;
  }
}
