/**
 * How GPUs are used, while somebody looks: heard over the socket, asked for by REST while there is no socket.
 *
 * Nothing is asked and nothing is sent while nobody looks or the browser tab is hidden. It knows no widget.
 */
import { Poll } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { sameProblem, toWindlassError, WindlassError } from '../api/errors';
import { GpusClient } from '../api/gpus';
import type { WindlassSocket } from '../api/socket';
import type { GpuReadingsEvent, GpusEvent, GpuSnapshot, Problem } from '../api/types';
import type { IWindlass } from '../tokens';
import { withReadings } from './gpuReadings';
import type { ITrailPoint } from './gpuTrails';
import { GpuTrails } from './gpuTrails';

/**
 * - `loading`: nothing has been heard yet.
 * - `stale`: the view was right at `lastGood`.
 * - `error`, `forbidden`, `absent`: there is no view, `problem` says why.
 */
export type GpusStatus = 'loading' | 'ready' | 'stale' | 'error' | 'forbidden' | 'absent';

const POLL_MILLISECONDS = 5000;
const MAX_POLL_MILLISECONDS = 60_000;

/** The view of GPUs in this browser tab. */
export class GpusModel implements IDisposable {
  constructor(options: GpusModel.IOptions) {
    this.client = options.client;
    this._socket = options.socket;
    this._poll = new Poll({
      auto: false,
      name: '@windlass/lab-extension:GpusModel#gpus',
      frequency: { interval: POLL_MILLISECONDS, backoff: true, max: MAX_POLL_MILLISECONDS },
      standby: () => !this.isWanted || this._socket.isOpen,
      factory: async () => this._ask()
    });
    this._socket.gpusEvent.connect(this._onEvent, this);
    this._socket.openChanged.connect(this._onOpenChanged, this);
    this._socket.problem.connect(this._onProblem, this);
    document.addEventListener('visibilitychange', this._update);
  }

  readonly client: GpusClient;

  /** With the newest readings; null: nothing has been heard yet. */
  get snapshot(): GpuSnapshot | null {
    return this._snapshot;
  }

  get status(): GpusStatus {
    return this._status;
  }

  get problem(): WindlassError | null {
    return this._problem;
  }

  get lastGood(): Date | null {
    return this._lastGood;
  }

  /** Anything has changed: readings do so each second. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether somebody looks at it in a browser tab that can be seen. */
  get isWanted(): boolean {
    return this._lookers > 0 && document.visibilityState === 'visible' && !this._isDisposed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The last minutes of a device, oldest first. */
  trailOf(deviceId: string): readonly ITrailPoint[] {
    return this._trails.of(deviceId);
  }

  /** Look, until what this gives is disposed of. */
  look(): IDisposable {
    this._lookers++;
    this._update();
    return new DisposableDelegate(() => {
      this._lookers--;
      this._update();
    });
  }

  /** Ask once, without looking on. Never throws: `problem` says what went wrong. */
  async peek(): Promise<void> {
    try {
      await this._ask();
    } catch {
      // `status` and `problem` tell it.
    }
  }

  /**
   * Hide an alarm until its device has been used again.
   *
   * @throws {WindlassError} When it could not be.
   */
  async dismiss(alarmId: string): Promise<void> {
    try {
      await this.client.dismiss(alarmId);
    } catch (error) {
      // It is over by itself: what was wanted is so.
      if (!(error instanceof WindlassError) || error.status !== 404 || !error.problem) {
        throw error;
      }
    }
    if (this._snapshot) {
      const alarms = this._snapshot.alarms.filter(alarm => alarm.id !== alarmId);
      this._hear({ ...this._snapshot, alarms });
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._socket.wantGpus(false);
      document.removeEventListener('visibilitychange', this._update);
      this._poll.dispose();
      Signal.clearData(this);
    }
  }

  private async _ask(): Promise<void> {
    try {
      this._hear(await this.client.snapshot());
    } catch (error) {
      this._fail(toWindlassError(error));
      throw error;
    }
  }

  /** Ask for word, or for no more of it. */
  private readonly _update = (): void => {
    this._socket.wantGpus(this.isWanted);
    if (this.isWanted && !this._socket.isOpen) {
      void this._poll.start();
      void this._poll.refresh();
    } else if (!this.isWanted) {
      void this._poll.stop();
    }
  };

  private _onEvent(_: WindlassSocket, event: GpusEvent | GpuReadingsEvent): void {
    if (event.type === 'gpus') {
      if (event.recent) {
        this._trails.restart(event.recent);
      }
      this._hear(event.snapshot);
    } else if (this._snapshot) {
      this._hear(withReadings(this._snapshot, event));
    }
  }

  private _onOpenChanged(_: WindlassSocket, isOpen: boolean): void {
    if (!isOpen && this.isWanted) {
      void this._poll.start();
      void this._poll.refresh();
    }
  }

  private _onProblem(_: WindlassSocket, problem: Problem): void {
    if (this.isWanted && this._status !== 'ready') {
      const { status, detail } = problem;
      this._fail(new WindlassError({ kind: 'problem', status, message: detail, problem }));
    }
  }

  private _hear(snapshot: GpuSnapshot): void {
    if (this._isDisposed) {
      return;
    }
    const readings = snapshot.devices.flatMap(({ id, now }) => (now ? [[id, now] as const] : []));
    this._trails.add(Object.fromEntries(readings));
    this._snapshot = snapshot;
    this._lastGood = new Date();
    this._status = 'ready';
    this._problem = null;
    this._changed.emit();
  }

  private _fail(problem: WindlassError): void {
    const isStanding = problem.kind === 'absent' || problem.kind === 'forbidden';
    const status = isStanding ? problem.kind : this._snapshot ? 'stale' : 'error';
    const isSame = status === this._status && sameProblem(problem, this._problem);
    this._status = status;
    this._problem = problem;
    if (!isSame && !this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private _lastGood: Date | null = null;
  private _lookers = 0;
  private readonly _poll: Poll;
  private _problem: WindlassError | null = null;
  private _snapshot: GpuSnapshot | null = null;
  private readonly _socket: WindlassSocket;
  private _status: GpusStatus = 'loading';
  private readonly _trails = new GpuTrails();
}

/** A namespace for `GpusModel` statics. */
export namespace GpusModel {
  /** The options of a `GpusModel`. */
  export interface IOptions {
    client: GpusClient;
    socket: WindlassSocket;
  }
}

const MODELS = new WeakMap<IWindlass, GpusModel>();

/** The view of GPUs of this browser tab: one, however many show it. */
export function gpusOf(windlass: IWindlass): GpusModel {
  const known = MODELS.get(windlass);
  if (known) {
    return known;
  }
  const client = new GpusClient({ serverSettings: windlass.client.serverSettings });
  const made = new GpusModel({ client, socket: windlass.socket });
  MODELS.set(windlass, made);
  return made;
}
