/**
 * The runs of a comparison and what differs between them, asked for when the page is opened and while a run goes on.
 *
 * Which runs they are never changes: another choice is another page.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { TranslationBundle } from '@jupyterlab/translation';
import { toMessage, toWindlassError } from '../../api/errors';
import type { ExperimentsClient } from '../../api/experiments';
import type { Comparison } from '../../api/types';
import { isLive } from '../../api/types';

/** As many runs as the server compares at once. */
export const MOST_RUNS = 100;

/** `stale`: what is shown was so a while ago, and nothing newer can be had. */
export type CompareState = 'loading' | 'ready' | 'stale' | 'forbidden' | 'error';

/** Runs side by side. */
export class CompareModel implements IDisposable {
  constructor(options: CompareModel.IOptions) {
    this._client = options.client;
    this.runIds = options.runIds;
    this.trans = options.trans;
  }

  /** In the order in which they were chosen. */
  readonly runIds: readonly string[];
  readonly trans: TranslationBundle;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The last answer. */
  get comparison(): Comparison | null {
    return this._comparison;
  }

  get state(): CompareState {
    return this._state;
  }

  /** Why there is no current answer. */
  get problem(): string | null {
    return this._problem;
  }

  /** Whether one of the runs may still change. */
  get isLive(): boolean {
    return this._comparison?.runs.some(run => isLive(run.status)) ?? false;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Ask now. Never throws: `problem` says what went wrong. */
  async refresh(): Promise<void> {
    const question = ++this._question;
    if (!this._comparison && this._state !== 'loading') {
      this._take(question, 'loading', null);
    }
    try {
      const comparison = await this._client.compare(this.runIds);
      if (question === this._question) {
        this._comparison = comparison;
      }
      this._take(question, 'ready', null);
    } catch (error) {
      const isForbidden = toWindlassError(error).kind === 'forbidden';
      const state = this._comparison ? 'stale' : isForbidden ? 'forbidden' : 'error';
      this._take(question, state, toMessage(error, this.trans));
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  private _take(question: number, state: CompareState, problem: string | null): void {
    if (!this._isDisposed && question === this._question) {
      this._state = state;
      this._problem = problem;
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _client: Pick<ExperimentsClient, 'compare'>;
  private _comparison: Comparison | null = null;
  private _isDisposed = false;
  private _problem: string | null = null;
  private _question = 0;
  private _state: CompareState = 'loading';
}

/** A namespace for CompareModel. */
export namespace CompareModel {
  /** Options of a CompareModel. */
  export interface IOptions {
    readonly client: Pick<ExperimentsClient, 'compare'>;
    readonly runIds: readonly string[];
    readonly trans: TranslationBundle;
  }
}

/** The runs that a page's key names: ids, which have no commas, with commas between them. */
export function runIdsOf(key: string): string[] {
  return [...new Set(key.split(',').filter(Boolean))].slice(0, MOST_RUNS);
}
