/**
 * The filter as it is typed: whether it is right, how it can go on, and when it counts.
 *
 * The server judges it, without asking MLflow. A mistake is told when the typing rests, so that half a word is none.
 */
import { Debouncer } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ExperimentsClient } from '../api/experiments';
import type { Completion, FilterProblem } from '../api/types';

const CHECK_MILLISECONDS = 80;
const REST_MILLISECONDS = 600;

/** A filter in its field. */
export class RunFilterModel implements IDisposable {
  constructor(options: RunFilterModel.IOptions) {
    this._options = options;
  }

  /** Anything below has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get text(): string {
    return this._text;
  }

  /** The first mistake, once it is to be told; null: none. */
  get problem(): FilterProblem | null {
    return this._isTold ? this._problem : null;
  }

  /** What can stand at the caret. */
  get completions(): readonly Completion[] {
    return this._completions;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._check.dispose();
      this._rest.dispose();
      Signal.clearData(this);
    }
  }

  /** What is in the field now, and where the caret is, in UTF-16 code units. */
  type(text: string, caret: number): void {
    const isSame = text === this._text;
    this._text = text;
    this._caret = caret;
    if (!isSame) {
      this._round += 1;
      this._isChecked = false;
      this._isTold = this._isTold && this._problem !== null;
      void this._rest.invoke();
    }
    void this._check.invoke();
    this._emit();
  }

  /** Take a completion; answers where the caret belongs then. */
  accept(completion: Completion): number {
    const { text, start, end } = completion;
    const rest = this._text.slice(end);
    // A name, an operator or a word is followed by something; a name that ends with its dot goes on itself.
    const space = text.endsWith('.') || rest.startsWith(' ') ? '' : ' ';
    const caret = start + text.length + space.length;
    this.type(this._text.slice(0, start) + text + space + rest, caret);
    return caret;
  }

  /** Have it count now, or be told what is wrong. */
  async apply(): Promise<void> {
    await this._judge();
    if (this._isDisposed || !this._isChecked) {
      return;
    }
    this._isTold = true;
    this._emit();
    if (this._problem === null) {
      this._options.onApply(this._text.trim());
    }
  }

  /** Tell a mistake that the server found only when it searched. */
  tell(problem: FilterProblem): void {
    this._problem = problem;
    this._isTold = true;
    this._emit();
  }

  private async _judge(): Promise<void> {
    const round = this._round;
    const { client, experimentIds } = this._options;
    const check = { experiment_ids: [...experimentIds], filter: this._text, offset: this._caret };
    try {
      const advice = await client.checkFilter(check);
      if (round === this._round && !this._isDisposed) {
        this._problem = advice.problem;
        this._completions = advice.completions;
        this._isChecked = true;
        this._isTold &&= this._problem !== null;
        this._emit();
      }
    } catch {
      // Nobody judges: the search itself will say what is wrong.
      if (round === this._round) {
        this._problem = null;
        this._completions = [];
        this._isChecked = true;
      }
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _caret = 0;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _check = new Debouncer(async () => this._judge(), CHECK_MILLISECONDS);
  private _completions: readonly Completion[] = [];
  private _isChecked = false;
  private _isDisposed = false;
  private _isTold = false;
  private readonly _options: RunFilterModel.IOptions;
  private _problem: FilterProblem | null = null;
  private readonly _rest = new Debouncer(async () => this.apply(), REST_MILLISECONDS);
  private _round = 0;
  private _text = '';
}

/** A namespace for `RunFilterModel` statics. */
export namespace RunFilterModel {
  /** The options of a `RunFilterModel`. */
  export interface IOptions {
    client: Pick<ExperimentsClient, 'checkFilter'>;
    /** Where the keys are from that are offered. */
    experimentIds: readonly string[];
    /** A filter that is right is to be used. */
    onApply: (filter: string) => void;
  }
}
