/**
 * What a job costs and what advice there is: asked when the job has changed, and now and then while it lives and somebody
 * looks. What it costs in between is reckoned by its price per hour.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { WindlassError } from '../../../api/errors';
import { toWindlassError } from '../../../api/errors';
import type { JobAdvice, JobCost } from '../../../api/types';
import { isFinal } from '../../../api/types';
import { costsOf } from '../../../model/costs';
import type { JobPageModel } from '../model';

/** While the job lives it is asked for anew after this. */
const AGAIN_MILLISECONDS = 10_000;

/** An answer, perhaps an old one beside the problem of having a new one. */
export interface IAnswer<T> {
  readonly value: T | null;
  readonly problem: WindlassError | null;
}

/** The cost and the advice of the job of a page. */
export class JobCostModel implements IDisposable {
  constructor(options: JobCostModel.IOptions) {
    this.page = options.page;
    this._isSeen = options.isSeen;
    this._again = options.againMilliseconds ?? AGAIN_MILLISECONDS;
    this._now = options.now ?? (() => performance.now());
    this.page.changed.connect(this.update, this);
    this.update();
  }

  readonly page: JobPageModel;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get cost(): IAnswer<JobCost> {
    return this._cost;
  }

  get advice(): IAnswer<JobAdvice> {
    return this._advice;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Hours since the cost was told, by this machine's clock; 0 once the job has ended. */
  get hoursSince(): number {
    return this._cost.value?.live ? Math.max(0, this._now() - this._toldAt) / 3_600_000 : 0;
  }

  /** Ask if the answer is of another state of the job, or old, and somebody looks. */
  update(): void {
    const { job } = this.page;
    const isDue = job !== null && (job.state !== this._state || (this._timer === 0 && !this._isDone));
    if (isDue && !this._isDisposed && this._isSeen()) {
      void this.refresh();
    }
  }

  /** Ask now. Never throws: the answers say what went wrong. */
  async refresh(): Promise<void> {
    const { job, jobId, windlass } = this.page;
    this._state = job?.state ?? null;
    const isOver = job !== null && isFinal(job.state);
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => {
      this._timer = 0;
      this.update();
    }, this._again);
    const question = ++this._question;
    const client = costsOf(windlass);
    const [cost, advice] = await Promise.all([
      answer(client.job(jobId), this._cost.value),
      answer(client.advice(jobId), this._advice.value)
    ]);
    if (question !== this._question || this._isDisposed) {
      return;
    }
    // What has ended is asked for until all of it is known to be final.
    this._isDone = isOver && cost.value?.live === false && !cost.problem && !advice.problem;
    this._toldAt = cost.problem ? this._toldAt : this._now();
    this._cost = cost;
    this._advice = advice;
    this._changed.emit();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      this.page.changed.disconnect(this.update, this);
      Signal.clearData(this);
    }
  }

  private _advice: IAnswer<JobAdvice> = { value: null, problem: null };
  private readonly _again: number;
  private readonly _changed = new Signal<this, void>(this);
  private _cost: IAnswer<JobCost> = { value: null, problem: null };
  private _isDisposed = false;
  private _isDone = false;
  private readonly _isSeen: () => boolean;
  private readonly _now: () => number;
  private _question = 0;
  private _state: string | null = null;
  private _timer = 0;
  private _toldAt = 0;
}

/** A namespace for `JobCostModel` statics. */
export namespace JobCostModel {
  /** The options of a `JobCostModel`. */
  export interface IOptions {
    readonly page: JobPageModel;
    /** Whether somebody can see the answer. */
    readonly isSeen: () => boolean;
    readonly againMilliseconds?: number;
    /** Milliseconds of a clock that never goes back. */
    readonly now?: () => number;
  }
}

/** The answer when it comes; the one before beside the problem when none does. */
async function answer<T>(asked: Promise<T>, before: T | null): Promise<IAnswer<T>> {
  try {
    return { value: await asked, problem: null };
  } catch (error) {
    return { value: before, problem: toWindlassError(error) };
  }
}
