/**
 * The user's jobs in this browser tab: heard over the socket, asked for by REST while there is no socket.
 *
 * It decides what the state of the list is and what is tried again; it knows no widget. The jobs themselves are kept by
 * `JobStore`.
 */
import { UUID } from '@lumino/coreutils';
import { Poll } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { WindlassClient } from '../api/client';
import { sameProblem, toWindlassError, WindlassError } from '../api/errors';
import type { WindlassSocket } from '../api/socket';
import type { Job, JobRequest, JobsEvent, JsonValue } from '../api/types';
import type { IInfoModel, IJobsModel, IWindlassSettings, JobsStatus } from '../tokens';
import { insist } from './insist';
import type { INews } from './store';
import { JobStore } from './store';

/** How many jobs are asked for by REST; the socket brings all. */
const PAGE_JOBS = 200;

/** The longest wait between polls that fail. */
const MAX_POLL_MILLISECONDS = 300_000;

/** The live list of jobs. */
export class JobsModel implements IJobsModel {
  constructor(options: JobsModel.IOptions) {
    this._client = options.client;
    this._info = options.info;
    this._socket = options.socket;
    this._poll = new Poll({
      auto: false,
      name: '@windlass/lab-extension:JobsModel#jobs',
      frequency: { backoff: true, max: MAX_POLL_MILLISECONDS },
      standby: () => this._socket.isOpen || 'when-hidden',
      factory: async () => this._fetch()
    });
    this._settings = options.settings;
    this._onSettings();
    this._settings.changed.connect(this._onSettings, this);
    this._socket.jobsEvent.connect(this._onJobsEvent, this);
    this._socket.openChanged.connect(this._onOpenChanged, this);
  }

  get jobs(): readonly Job[] {
    return this._store.jobs;
  }

  get status(): JobsStatus {
    return this._status;
  }

  get problem(): WindlassError | null {
    return this._problem;
  }

  get lastGood(): Date | null {
    return this._lastGood;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get finished(): ISignal<this, Job> {
    return this._finished;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Begin to listen. */
  start(): void {
    void this._poll.start();
    void this._poll.refresh();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._poll.dispose();
    Signal.clearData(this);
  }

  get(id: string): Job | undefined {
    return this._store.get(id);
  }

  elapsedSeconds(job: Job): number | null {
    return this._store.elapsedSeconds(job);
  }

  async submit(request: JobRequest): Promise<Job> {
    const key = UUID.uuid4();
    const job = await insist(async () => this._client.submit(request, key));
    this._apply({ jobs: [job], reach: 'delta' });
    return job;
  }

  async stop(id: string): Promise<void> {
    const job = await insist(async () => this._client.stop(id));
    this._apply({ jobs: [job], reach: 'delta' });
  }

  async rerun(id: string, parameters: Record<string, JsonValue> | null = null): Promise<Job> {
    const key = UUID.uuid4();
    const job = await insist(async () => this._client.rerun(id, { parameters }, key));
    this._apply({ jobs: [job], reach: 'delta' });
    return job;
  }

  async remove(id: string): Promise<void> {
    try {
      await this._client.remove(id);
    } catch (error) {
      // Another tab was quicker: what was wanted is so.
      const isGone = error instanceof WindlassError && error.status === 404 && error.problem;
      if (!isGone) {
        throw error;
      }
    }
    this._apply({ jobs: [], removed: [id], reach: 'delta' });
  }

  async refresh(): Promise<void> {
    try {
      await this._fetch();
    } catch {
      // `status` and `problem` tell it.
    }
  }

  /** Ask by REST, and listen to the socket from then on. Throws, so that the poll waits longer after a failure. */
  private async _fetch(): Promise<void> {
    try {
      const page = await this._client.list({ limit: PAGE_JOBS });
      this._hear({ jobs: page.items, reach: page.next_cursor === null ? 'whole' : 'page' });
    } catch (error) {
      this._onFailure(toWindlassError(error));
      throw error;
    }
    if (this._isDisposed) {
      return;
    }
    this._socket.subscribeJobs();
    if (!this._info.info || this._info.problem) {
      void this._info.refresh();
    }
  }

  private _onSettings(): void {
    const interval = this._settings.pollSeconds * 1000;
    this._poll.frequency = { interval, backoff: true, max: MAX_POLL_MILLISECONDS };
  }

  private _onJobsEvent(_: WindlassSocket, event: JobsEvent): void {
    this._hear({ jobs: event.jobs, removed: event.removed, reach: event.reset ? 'whole' : 'delta' });
  }

  private _onOpenChanged(_: WindlassSocket, isOpen: boolean): void {
    if (!isOpen && !this._isDisposed) {
      void this._poll.refresh();
    }
  }

  private _onFailure(problem: WindlassError): void {
    if (problem.kind === 'absent') {
      // Nobody will answer: the poll looks again now and then, and connects when somebody does.
      this._socket.disconnect();
    }
    const isStanding = problem.kind === 'absent' || problem.kind === 'forbidden';
    this._setStatus(isStanding ? problem.kind : this._lastGood ? 'stale' : 'error', problem);
  }

  /** Take news from the server: the list is current by it. */
  private _hear(news: INews): void {
    if (this._isDisposed) {
      return;
    }
    this._lastGood = new Date();
    const isNewStatus = this._status !== 'ready';
    this._status = 'ready';
    this._problem = null;
    this._apply(news, isNewStatus);
  }

  private _apply(news: INews, isNewStatus = false): void {
    const { isChanged, finished } = this._store.apply(news);
    if (this._isDisposed) {
      return;
    }
    if (isChanged || isNewStatus) {
      this._changed.emit();
    }
    finished.forEach(job => this._finished.emit(job));
  }

  private _setStatus(status: JobsStatus, problem: WindlassError | null): void {
    const isSame = status === this._status && sameProblem(problem, this._problem);
    this._status = status;
    this._problem = problem;
    if (!isSame && !this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _client: WindlassClient;
  private readonly _finished = new Signal<this, Job>(this);
  private readonly _info: IInfoModel;
  private _isDisposed = false;
  private _lastGood: Date | null = null;
  private readonly _poll: Poll;
  private _problem: WindlassError | null = null;
  private readonly _settings: IWindlassSettings;
  private readonly _socket: WindlassSocket;
  private _status: JobsStatus = 'loading';
  private readonly _store = new JobStore();
}

/** A namespace for `JobsModel` statics. */
export namespace JobsModel {
  /** The options of a `JobsModel`. */
  export interface IOptions {
    client: WindlassClient;
    info: IInfoModel;
    settings: IWindlassSettings;
    socket: WindlassSocket;
  }
}
