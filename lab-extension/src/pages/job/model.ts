/**
 * One job, for its page: from the list of jobs when it is there, asked for by itself when it is not.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { toMessage, WindlassError } from '../../api/errors';
import type { Job } from '../../api/types';
import type { IWindlass } from '../../tokens';

/** `missing`: there is no such job, or it was deleted. */
export type JobPageState = 'loading' | 'ready' | 'missing' | 'forbidden' | 'error';

/** The job of a page. */
export class JobPageModel implements IDisposable {
  constructor(options: JobPageModel.IOptions) {
    this.windlass = options.windlass;
    this.jobId = options.jobId;
    this.windlass.jobs.changed.connect(this._onJobs, this);
    this._onJobs();
    if (!this._job) {
      void this.refresh();
    }
  }

  readonly windlass: IWindlass;
  readonly jobId: string;

  /** `job`, `state` or `isStale` has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): JobPageState {
    return this._state;
  }

  get job(): Job | null {
    return this._job;
  }

  /** Why there is no job to show; null when there is one. */
  get problem(): string | null {
    return this._problem;
  }

  /** Whether what is shown may be out of date, because the server does not answer. */
  get isStale(): boolean {
    return (
      this._job !== null && this.windlass.jobs.status !== 'ready' && this.windlass.jobs.status !== 'loading'
    );
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Ask the server for this job. */
  async refresh(): Promise<void> {
    if (!this._job) {
      this._set('loading');
    }
    try {
      const job = await this.windlass.client.job(this.jobId);
      this._take(job);
    } catch (error) {
      this._fail(error);
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.windlass.jobs.changed.disconnect(this._onJobs, this);
      Signal.clearData(this);
    }
  }

  private _onJobs(): void {
    const listed = this.windlass.jobs.get(this.jobId);
    if (listed) {
      this._isListed = true;
      this._take(listed);
    } else if (this._isListed && this.windlass.jobs.status === 'ready') {
      this._isListed = false;
      this._job = null;
      this._set('missing');
    } else {
      this._changed.emit();
    }
  }

  private _take(job: Job): void {
    if (this._isDisposed || (this._job && job.version < this._job.version)) {
      return;
    }
    this._job = job;
    this._set('ready');
  }

  private _fail(error: unknown): void {
    if (this._isDisposed || this._job) {
      return;
    }
    const status = error instanceof WindlassError ? error.status : 0;
    const isForbidden = error instanceof WindlassError && error.kind === 'forbidden';
    const state = status === 404 ? 'missing' : isForbidden ? 'forbidden' : 'error';
    this._set(state, toMessage(error, this.windlass.trans));
  }

  private _set(state: JobPageState, problem: string | null = null): void {
    this._state = state;
    this._problem = problem;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private _isListed = false;
  private _job: Job | null = null;
  private _problem: string | null = null;
  private _state: JobPageState = 'loading';
}

/** A namespace for JobPageModel. */
export namespace JobPageModel {
  /** Options of a JobPageModel. */
  export interface IOptions {
    readonly windlass: IWindlass;
    readonly jobId: string;
  }
}
