/**
 * What Windlass offers to its own plugins and to other extensions.
 *
 * Interfaces only: the implementations are in `api/` and `model/`.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { WindlassClient } from './api/client';
import type { WindlassError } from './api/errors';
import type { WindlassSocket } from './api/socket';
import type { Info, Job, JobRequest, JsonValue } from './api/types';

/** The user's jobs, kept current. */
export interface IJobsModel extends IDisposable {
  /** Newest first. */
  readonly jobs: readonly Job[];
  /**
   * - `loading`: nothing has been heard yet.
   * - `ready`: the list is current.
   * - `stale`: the list was right at `lastGood`; the connection is being tried.
   * - `error`, `forbidden`: there is no list, `problem` says why.
   * - `absent`: the server half is not installed, or not enabled.
   */
  readonly status: JobsStatus;
  readonly problem: WindlassError | null;
  readonly lastGood: Date | null;
  /** `jobs`, `status` or `problem` have changed. */
  readonly changed: ISignal<IJobsModel, void>;
  /** A job has reached its end while this tab was watching; once for each job. */
  readonly finished: ISignal<IJobsModel, Job>;
  get(id: string): Job | undefined;
  /** Seconds this job has run by now; null before it has started. */
  elapsedSeconds(job: Job): number | null;
  /**
   * Send a job. An answer lost on the way is asked for again under the same key, so that there is never a second job.
   *
   * @throws {WindlassError} When it was refused or could not be sent.
   */
  submit(request: JobRequest): Promise<Job>;
  stop(id: string): Promise<void>;
  /** Run again the same bundle; `parameters` replaces its parameters, null keeps them. */
  rerun(id: string, parameters?: Record<string, JsonValue> | null): Promise<Job>;
  /** Forget a job that has ended. */
  remove(id: string): Promise<void>;
  /** Ask the server now. */
  refresh(): Promise<void>;
}

/** How good a list of jobs is. */
export type JobsStatus = 'loading' | 'ready' | 'stale' | 'error' | 'forbidden' | 'absent';

/** What the server can do, asked once and again on `refresh`. */
export interface IInfoModel extends IDisposable {
  readonly info: Info | null;
  readonly problem: WindlassError | null;
  readonly changed: ISignal<IInfoModel, void>;
  /** Ask the server now. Never throws: `problem` says what went wrong. */
  refresh(): Promise<void>;
}

/** The user's settings, defaults where none are set. */
export interface IWindlassSettings {
  readonly changed: ISignal<IWindlassSettings, void>;
  /** Of which finished jobs the user is told. */
  readonly notifyFinished: 'all' | 'failed' | 'none';
  /** How often the server is asked while there is no socket. */
  readonly pollSeconds: number;
  /** null: the server's own default. */
  readonly defaultEngine: string | null;
  readonly defaultWorkers: number;
  readonly defaultProcessesPerWorker: number;
  readonly openJobAfterSubmit: boolean;
}

/** Windlass in this browser tab. */
export interface IWindlass {
  readonly client: WindlassClient;
  readonly socket: WindlassSocket;
  readonly jobs: IJobsModel;
  readonly info: IInfoModel;
  readonly settings: IWindlassSettings;
  /** Where what the user has chosen is remembered; null where JupyterLab has no such place. */
  readonly store: IStateDB | null;
  readonly trans: TranslationBundle;
}

/** The way to Windlass: only this is there at start-up, the rest is fetched when JupyterLab can be used. */
export interface IWindlassLoader {
  /** Windlass, once it has been fetched. */
  readonly current: IWindlass | null;
  /**
   * Fetch Windlass, or have the one that was.
   *
   * @throws When its files cannot be fetched; to be tried again.
   */
  load(): Promise<IWindlass>;
  /** Have something done with Windlass as soon as it has been fetched, before `load` answers. */
  onLoad(hook: (windlass: IWindlass) => void | Promise<void>): void;
}

/** The token by which plugins ask for Windlass. */
export const IWindlassLoader = new Token<IWindlassLoader>(
  '@windlass/lab-extension:IWindlassLoader',
  'The way to Windlass in this browser tab: the jobs, the live connection, and the typed REST client.'
);
