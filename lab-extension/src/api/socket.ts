/**
 * The one WebSocket of this browser tab: jobs, output, notebooks, GPUs and requests to save, all over one
 * connection.
 *
 * It opens when first needed, opens again with growing, jittered waits when lost, and then goes on where it was: jobs by
 * cursor, output by offset. It holds no jobs: that is the model's part.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { Backoff } from './backoff';
import type { ILogFollower, INotebookFollower } from './followers';
import { LogFollower, NotebookFollower } from './followers';
import { API_ROOT } from './request';
import type {
  ClientMessage,
  GpuReadingsEvent,
  GpusEvent,
  JobsEvent,
  Problem,
  SaveResult,
  ServerMessage
} from './types';

export type { ILogFollower, INotebookFollower } from './followers';

/** The answer to a request to save a notebook. */
export interface ISaveOutcome {
  result: SaveResult;
  message?: string | null;
}

/** Saves the notebook with this path if it is open, and says what became of it. */
export type SaveResponder = (path: string) => Promise<ISaveOutcome>;

/** The multiplexed, resuming connection to the server half. */
export class WindlassSocket implements IDisposable {
  constructor(options: WindlassSocket.IOptions) {
    this._settings = options.serverSettings;
    this._backoff = options.backoff ?? new Backoff({ firstMilliseconds: 1000, longestMilliseconds: 30_000 });
    window.addEventListener('online', this._onOnline);
  }

  /** Answers requests to save; without one, notebooks count as not open. */
  saveResponder: SaveResponder | null = null;

  /** Whether messages come and go. */
  get isOpen(): boolean {
    return this._isOpen;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The connection has opened or was lost. */
  get openChanged(): ISignal<this, boolean> {
    return this._openChanged;
  }

  /** Jobs are new, changed or gone. */
  get jobsEvent(): ISignal<this, JobsEvent> {
    return this._jobsEvent;
  }

  /** How GPUs are used: all of it, or new readings. */
  get gpusEvent(): ISignal<this, GpusEvent | GpuReadingsEvent> {
    return this._gpusEvent;
  }

  /** A message of ours could not be served, and concerns no follower. */
  get problem(): ISignal<this, Problem> {
    return this._problem;
  }

  /** Open the connection and keep it open. */
  connect(): void {
    this._isWanted = true;
    this._open();
  }

  /** Close the connection until `connect` is called again; followers keep their places. */
  disconnect(): void {
    this._isWanted = false;
    this._clearTimer();
    this._close();
  }

  /** Ask for word of jobs, now and after every reconnection. */
  subscribeJobs(): void {
    if (!this._wantsJobs) {
      this._wantsJobs = true;
      this._send({ type: 'subscribe_jobs', cursor: this._cursor });
    }
    this.connect();
  }

  /** Ask for word of GPUs each second, now and after every reconnection; or for no more. */
  wantGpus(isWanted: boolean): void {
    if (isWanted !== this._wantsGpus) {
      this._wantsGpus = isWanted;
      this._send({ type: isWanted ? 'subscribe_gpus' : 'unsubscribe_gpus' });
    }
    if (isWanted) {
      this.connect();
    }
  }

  /**
   * Follow a job's output.
   *
   * @param jobId - The job.
   * @param rank - One rank, or null for all of them, merged.
   * @param offset - Where to begin, in bytes.
   * @returns The follower; one that already follows the same output of this job is disposed of.
   */
  followLog(jobId: string, rank: number | null, offset = 0): ILogFollower {
    const key = logKey(jobId, rank);
    this._logs.get(key)?.dispose();
    const release = (): void => {
      this._logs.delete(key);
      this._send({ type: 'unsubscribe_log', job_id: jobId, rank });
    };
    const follower = new LogFollower({ jobId, rank, offset, release });
    this._logs.set(key, follower);
    this._send(follower.subscription);
    this.connect();
    return follower;
  }

  /** Follow the versions of a job's executed notebook. */
  followNotebook(jobId: string): INotebookFollower {
    const follower = new NotebookFollower({ jobId, release: gone => this._releaseNotebook(gone) });
    const others = this._notebooks.get(jobId) ?? new Set();
    this._notebooks.set(jobId, others.add(follower));
    if (others.size === 1) {
      this._send({ type: 'subscribe_notebook', job_id: jobId });
    }
    this.connect();
    return follower;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.removeEventListener('online', this._onOnline);
    this.disconnect();
    this._logs.forEach(follower => follower.dispose());
    this._notebooks.forEach(followers => followers.forEach(follower => follower.dispose()));
    Signal.clearData(this);
  }

  private _open(): void {
    if (this._socket || this._isDisposed || !this._isWanted) {
      return;
    }
    this._clearTimer();
    const { wsUrl, token, appendToken, WebSocket } = this._settings;
    const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : '';
    const socket = new WebSocket(URLExt.join(wsUrl, API_ROOT, 'socket') + query);
    this._socket = socket;
    socket.onmessage = event => this._onMessage(socket, event);
    socket.onclose = () => this._onClose(socket);
  }

  private _close(): void {
    const socket = this._socket;
    if (socket) {
      this._onClose(socket);
      socket.close();
    }
  }

  private _onClose(socket: WebSocket): void {
    if (socket !== this._socket) {
      return;
    }
    socket.onmessage = socket.onclose = null;
    this._socket = null;
    this._setOpen(false);
    if (this._isWanted && !this._isDisposed) {
      this._timer = window.setTimeout(() => this._open(), this._backoff.next());
    }
  }

  private _onMessage(socket: WebSocket, event: MessageEvent<unknown>): void {
    const message = socket === this._socket ? parse(event.data) : null;
    if (!message) {
      return;
    }
    switch (message.type) {
      case 'hello':
        return this._onHello();
      case 'jobs':
        this._cursor = message.cursor;
        return this._jobsEvent.emit(message);
      case 'log':
        return this._logs.get(logKey(message.job_id, message.rank))?.take(message.page);
      case 'notebook':
        return this._notebooks.get(message.job_id)?.forEach(item => item.take(message.version));
      case 'gpus':
      case 'gpu_readings':
        return this._gpusEvent.emit(message);
      default:
        return this._onDemand(message);
    }
  }

  /** The server wants something, or could not do what we wanted. */
  private _onDemand(message: Exclude<ServerMessage, { type: Followed }>): void {
    if (message.type === 'save') {
      void this._onSave(message.nonce, message.path);
    } else {
      this._onProblem(message.job_id, message.problem);
    }
  }

  /** Go on where the last connection ended. */
  private _onHello(): void {
    this._backoff.reset();
    this._setOpen(true);
    if (this._wantsJobs) {
      this._send({ type: 'subscribe_jobs', cursor: this._cursor });
    }
    if (this._wantsGpus) {
      this._send({ type: 'subscribe_gpus' });
    }
    this._logs.forEach(follower => this._send(follower.subscription));
    for (const jobId of this._notebooks.keys()) {
      this._send({ type: 'subscribe_notebook', job_id: jobId });
    }
  }

  private _onProblem(jobId: string | null, problem: Problem): void {
    const concerned = [...this._logs.values()].filter(follower => follower.jobId === jobId);
    concerned.forEach(follower => follower.fail(problem));
    if (concerned.length === 0) {
      this._problem.emit(problem);
    }
  }

  private async _onSave(nonce: string, path: string): Promise<void> {
    let outcome: ISaveOutcome = { result: 'not_open' };
    try {
      outcome = (await this.saveResponder?.(path)) ?? outcome;
    } catch (error) {
      outcome = { result: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
    this._send({ type: 'saved', nonce, result: outcome.result, message: outcome.message ?? null });
  }

  private _releaseNotebook(follower: NotebookFollower): void {
    const { jobId } = follower;
    const others = this._notebooks.get(jobId);
    others?.delete(follower);
    if (others?.size === 0) {
      this._notebooks.delete(jobId);
      this._send({ type: 'unsubscribe_notebook', job_id: jobId });
    }
  }

  /** Send now, or not at all: what lasts is sent again by `_onHello`. */
  private _send(message: ClientMessage | null): void {
    if (message && this._isOpen) {
      this._socket?.send(JSON.stringify(message));
    }
  }

  private _setOpen(isOpen: boolean): void {
    if (isOpen !== this._isOpen) {
      this._isOpen = isOpen;
      this._openChanged.emit(isOpen);
    }
  }

  private _clearTimer(): void {
    window.clearTimeout(this._timer);
  }

  private readonly _onOnline = (): void => {
    this._backoff.reset();
    this._open();
  };

  private readonly _backoff: Backoff;
  private _cursor: string | null = null;
  private readonly _gpusEvent = new Signal<this, GpusEvent | GpuReadingsEvent>(this);
  private _isDisposed = false;
  private _isOpen = false;
  private _isWanted = false;
  private readonly _jobsEvent = new Signal<this, JobsEvent>(this);
  private readonly _logs = new Map<string, LogFollower>();
  private readonly _notebooks = new Map<string, Set<NotebookFollower>>();
  private readonly _openChanged = new Signal<this, boolean>(this);
  private readonly _problem = new Signal<this, Problem>(this);
  private readonly _settings: ServerConnection.ISettings;
  private _socket: WebSocket | null = null;
  private _timer: number | undefined;
  private _wantsGpus = false;
  private _wantsJobs = false;
}

/** A namespace for `WindlassSocket` statics. */
export namespace WindlassSocket {
  /** The options of a `WindlassSocket`. */
  export interface IOptions {
    /** The application's own connection settings. */
    serverSettings: ServerConnection.ISettings;
    /** The waits between attempts; another for tests. */
    backoff?: Backoff;
  }
}

/** Messages that tell of what we asked to follow. */
type Followed = 'hello' | 'jobs' | 'log' | 'notebook' | 'gpus' | 'gpu_readings';

const SERVER_TYPES: ReadonlySet<unknown> = new Set<ServerMessage['type']>([
  'hello',
  'jobs',
  'log',
  'notebook',
  'gpus',
  'gpu_readings',
  'save',
  'problem'
]);

/** The message in a frame, or null for one of a newer server that this version does not know. */
function parse(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') {
    return null;
  }
  try {
    const message: unknown = JSON.parse(data);
    const isKnown =
      typeof message === 'object' && message !== null && 'type' in message && SERVER_TYPES.has(message.type);
    return isKnown ? (message as ServerMessage) : null;
  } catch {
    return null;
  }
}

function logKey(jobId: string, rank: number | null): string {
  return `${jobId}/${rank ?? 'all'}`;
}
