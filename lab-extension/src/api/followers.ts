/**
 * Who follows a job's output or its executed notebook, and from where to go on after a lost connection.
 *
 * These objects are handed out by `WindlassSocket`, which tells them what has arrived. They know no connection.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ClientMessage, LogPage, Problem } from './types';

/** Output of a job as it comes. Dispose of it to end it. */
export interface ILogFollower extends IDisposable {
  readonly jobId: string;
  /** null: all ranks, merged. */
  readonly rank: number | null;
  /** Where the next page begins, in bytes. */
  readonly offset: number;
  /** More output; each page begins where the last one ended. */
  readonly page: ISignal<ILogFollower, LogPage>;
  /** Why no output comes. */
  readonly problem: ISignal<ILogFollower, Problem>;
}

/** Word of changes of a job's executed notebook. Dispose of it to end it. */
export interface INotebookFollower extends IDisposable {
  readonly jobId: string;
  /** The notebook is now at this version. */
  readonly changed: ISignal<INotebookFollower, string>;
}

/** The socket's side of `ILogFollower`. */
export class LogFollower implements ILogFollower {
  constructor(options: LogFollower.IOptions) {
    this.jobId = options.jobId;
    this.rank = options.rank;
    this._offset = options.offset;
    this._release = options.release;
  }

  readonly jobId: string;
  readonly rank: number | null;

  get offset(): number {
    return this._offset;
  }

  get page(): ISignal<this, LogPage> {
    return this._page;
  }

  get problem(): ISignal<this, Problem> {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** What to send to have output from here on; null when there is no more to come. */
  get subscription(): ClientMessage | null {
    const { jobId, rank, offset } = this;
    return this._isComplete ? null : { type: 'subscribe_log', job_id: jobId, rank, offset };
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._release(this);
    Signal.clearData(this);
  }

  /** Take a page that has arrived. One that does not begin here belongs to an earlier subscription. */
  take(page: LogPage): void {
    if (page.offset !== this._offset || this._isComplete) {
      return;
    }
    this._offset = page.next_offset;
    this._isComplete = page.complete;
    this._page.emit(page);
  }

  /** Take word of a problem. */
  fail(problem: Problem): void {
    this._problem.emit(problem);
  }

  private _isComplete = false;
  private _isDisposed = false;
  private _offset: number;
  private readonly _page = new Signal<this, LogPage>(this);
  private readonly _problem = new Signal<this, Problem>(this);
  private readonly _release: (follower: LogFollower) => void;
}

/** A namespace for `LogFollower` statics. */
export namespace LogFollower {
  /** The options of a `LogFollower`. */
  export interface IOptions {
    jobId: string;
    rank: number | null;
    offset: number;
    release: (follower: LogFollower) => void;
  }
}

/** The socket's side of `INotebookFollower`. */
export class NotebookFollower implements INotebookFollower {
  constructor(options: { jobId: string; release: (follower: NotebookFollower) => void }) {
    this.jobId = options.jobId;
    this._release = options.release;
  }

  readonly jobId: string;

  get changed(): ISignal<this, string> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._release(this);
    Signal.clearData(this);
  }

  /** Take word of a version; the same one again is no news. */
  take(version: string): void {
    if (version !== this._version) {
      this._version = version;
      this._changed.emit(version);
    }
  }

  private readonly _changed = new Signal<this, string>(this);
  private _isDisposed = false;
  private readonly _release: (follower: NotebookFollower) => void;
  private _version: string | null = null;
}
