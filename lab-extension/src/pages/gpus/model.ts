/**
 * How GPUs were used: those of a job over its life, or those of this machine over the last minutes or hours; and while
 * it goes on, what is heard of them each second.
 *
 * It asks for the past and puts what `GpusModel` hears at its end. It draws nothing.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { toMessage, toWindlassError } from '../../api/errors';
import type { GpuAlarm, GpuHistory, UsageSummary } from '../../api/types';
import type { GpusModel } from '../../model/gpus';

/** `stale`: what is shown was so a while ago, and nothing newer can be had. */
export type GpuHistoryState = 'loading' | 'ready' | 'stale' | 'forbidden' | 'missing' | 'error';

/** How far back of this machine, in seconds. */
export const SPANS = [300, 900, 3600, 21_600, 86_400] as const;

const POINTS = 600;

/** The past, and its growing end. */
export class GpuHistoryModel implements IDisposable {
  constructor(options: GpuHistoryModel.IOptions) {
    this.gpus = options.gpus;
    this.jobId = options.jobId;
    this._trans = options.trans;
    this.gpus.changed.connect(this._onGpus, this);
  }

  readonly gpus: GpusModel;

  /** null: this machine. */
  readonly jobId: string | null;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** As it was asked for last. */
  get history(): GpuHistory | null {
    return this._history;
  }

  get usage(): UsageSummary | null {
    return this._usage;
  }

  get alarms(): readonly GpuAlarm[] {
    return this._alarms;
  }

  /** What the job had cost since `history` was asked for, in USD. */
  get usdSince(): readonly (readonly [at: number, usd: number])[] {
    return this._usdSince;
  }

  /** Whether there is more to come. */
  get isLive(): boolean {
    return this._isLive;
  }

  get state(): GpuHistoryState {
    return this._state;
  }

  /** Why there is no current answer. */
  get problem(): string | null {
    return this._problem;
  }

  /** How far back of this machine, in seconds. */
  get seconds(): number {
    return this._seconds;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Look so far back. */
  async setSeconds(seconds: number): Promise<void> {
    if (seconds !== this._seconds) {
      this._seconds = seconds;
      await this.refresh();
    }
  }

  /** Ask now. Never throws: `problem` says what went wrong. */
  async refresh(): Promise<void> {
    const question = ++this._question;
    try {
      if (this.jobId === null) {
        const history = await this.gpus.client.history({ seconds: this._seconds, points: POINTS });
        this._take(question, { history, usage: null, alarms: [], live: true });
      } else {
        this._take(question, await this.gpus.client.ofJob(this.jobId, { points: POINTS }));
      }
    } catch (error) {
      this._fail(question, error);
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.gpus.changed.disconnect(this._onGpus, this);
      Signal.clearData(this);
    }
  }

  private _take(question: number, answer: IAnswer): void {
    if (question !== this._question) {
      return;
    }
    this._history = answer.history;
    this._usage = answer.usage;
    this._alarms = answer.alarms;
    this._isLive = answer.live;
    this._usdSince = this._usdSince.filter(([at]) => at > answer.history.end);
    this._set('ready', null);
  }

  private _fail(question: number, error: unknown): void {
    if (question !== this._question) {
      return;
    }
    const { kind, status } = toWindlassError(error);
    const state = kind === 'forbidden' ? 'forbidden' : status === 404 ? 'missing' : 'error';
    this._set(this._history ? 'stale' : state, toMessage(error, this._trans));
  }

  private _set(state: GpuHistoryState, problem: string | null): void {
    this._state = state;
    this._problem = problem;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  /** Something was heard of GPUs as they are now. */
  private _onGpus(): void {
    const { snapshot } = this.gpus;
    if (!this._isLive || !this._history || !snapshot) {
      return;
    }
    const usd = snapshot.groups.find(group => group.job_id === this.jobId)?.usd ?? null;
    const at = Date.parse(snapshot.at) / 1000;
    const last = this._usdSince[this._usdSince.length - 1]?.[0] ?? this._history.end;
    if (usd !== null && at > last) {
      this._usdSince = [...this._usdSince, [at, usd]];
    }
    this._changed.emit();
  }

  private _alarms: readonly GpuAlarm[] = [];
  private readonly _changed = new Signal<this, void>(this);
  private _history: GpuHistory | null = null;
  private _isDisposed = false;
  private _isLive = false;
  private _problem: string | null = null;
  private _question = 0;
  private _seconds: number = SPANS[1];
  private _state: GpuHistoryState = 'loading';
  private readonly _trans: TranslationBundle;
  private _usage: UsageSummary | null = null;
  private _usdSince: readonly (readonly [at: number, usd: number])[] = [];
}

interface IAnswer {
  readonly history: GpuHistory;
  readonly usage: UsageSummary | null;
  readonly alarms: readonly GpuAlarm[];
  readonly live: boolean;
}

/** A namespace for GpuHistoryModel. */
export namespace GpuHistoryModel {
  /** Options of a GpuHistoryModel. */
  export interface IOptions {
    readonly gpus: GpusModel;
    readonly jobId: string | null;
    readonly trans: TranslationBundle;
  }
}
