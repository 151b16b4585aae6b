/**
 * What the job of the submit dialog would cost, asked anew when something that counts has changed and rests a while.
 *
 * Only the answer to the newest question is taken; an earlier one stays on screen, marked, until there is a new one.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { CostsClient } from '../../api/costs';
import { toMessage } from '../../api/errors';
import type { CostEstimate, JobRequest } from '../../api/types';
import { costsOf } from '../../model/costs';
import type { IWindlass } from '../../tokens';

/** `stale` shows an earlier estimate while a new one is on its way, or the fields cannot be sent as they are. */
export type EstimateState = 'loading' | 'ready' | 'stale' | 'error';

const DELAY_MILLISECONDS = 300;

/** The estimate of the dialog. */
export class EstimateModel implements IDisposable {
  constructor(options: EstimateModel.IOptions) {
    this._client = costsOf(options.windlass);
    this._trans = options.windlass.trans;
    this._delay = options.delayMilliseconds ?? DELAY_MILLISECONDS;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): EstimateState {
    return this._state;
  }

  /** The newest that there is; null: none yet. */
  get estimate(): CostEstimate | null {
    return this._estimate;
  }

  /** Why there is no current one; null where there is, or it is on its way. */
  get problem(): string | null {
    return this._problem;
  }

  /** Why a budget forbids it: as far as was heard, for that does not change with the options. */
  get refused(): string | null {
    return this._estimate?.refused ?? null;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Have it for this request, soon; null: what was typed cannot be sent. */
  want(request: JobRequest | null): void {
    const question = request && JSON.stringify(priced(request));
    if (question === this._question || this._isDisposed) {
      return;
    }
    this._question = question;
    window.clearTimeout(this._timer);
    if (question !== null) {
      // The first is wanted at once: nobody is typing yet.
      const delay = this._estimate ? this._delay : 0;
      this._timer = window.setTimeout(() => void this._ask(question), delay);
    }
    this._set(this._estimate ? 'stale' : 'loading', null);
  }

  /** Ask again, now. */
  again(): void {
    if (this._question !== null) {
      window.clearTimeout(this._timer);
      this._set(this._estimate ? 'stale' : 'loading', null);
      void this._ask(this._question);
    }
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private async _ask(question: string): Promise<void> {
    try {
      const estimate = await this._client.estimate(JSON.parse(question) as JobRequest);
      if (question === this._question) {
        this._estimate = estimate;
        this._set('ready', null);
      }
    } catch (error) {
      if (question === this._question) {
        this._set('error', toMessage(error, this._trans));
      }
    }
  }

  private _set(state: EstimateState, problem: string | null): void {
    this._state = state;
    this._problem = problem;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _client: CostsClient;
  private readonly _delay: number;
  private _estimate: CostEstimate | null = null;
  private _isDisposed = false;
  private _problem: string | null = null;
  private _question: string | null = null;
  private _state: EstimateState = 'loading';
  private _timer = 0;
  private readonly _trans: TranslationBundle;
}

/** A namespace for `EstimateModel` statics. */
export namespace EstimateModel {
  /** The options of an `EstimateModel`. */
  export interface IOptions {
    readonly windlass: IWindlass;
    /** How long to wait for the next keystroke. */
    readonly delayMilliseconds?: number;
  }
}

/** The request without what has no part in its price, so that typing a name asks nothing. */
function priced(request: JobRequest): JobRequest {
  return { ...request, name: null, experiment: null, parameters: {}, include: [], exclude: [] };
}
