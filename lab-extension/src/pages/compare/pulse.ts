/**
 * Asks again and again while there is something to hear and somebody looks: never two questions at once, and the longer
 * an answer takes, the longer the pause after it.
 */
import type { IDisposable } from '@lumino/disposable';

/** The shortest pause between two questions. */
const LEAST_MILLISECONDS = 5000;

/** A pause is at least so many times as long as the last answer took. */
const PAUSE_SHARE = 4;

/** The beat of a live page. */
export class Pulse implements IDisposable {
  constructor(options: Pulse.IOptions) {
    this._options = options;
    this._pause = this._least;
    document.addEventListener('visibilitychange', this._onVisibility);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Whether it is wanted, or seen, has changed. */
  update(): void {
    const { isSeen, isWanted } = this._options;
    const isDue = !this._isDisposed && isWanted() && isSeen() && document.visibilityState === 'visible';
    if (!isDue) {
      window.clearTimeout(this._timer);
      this._timer = 0;
    } else if (this._timer === 0 && !this._isAsking) {
      this._timer = window.setTimeout(() => void this._beat(), this._pause);
    }
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    document.removeEventListener('visibilitychange', this._onVisibility);
  }

  private get _least(): number {
    return this._options.leastMilliseconds ?? LEAST_MILLISECONDS;
  }

  private async _beat(): Promise<void> {
    this._timer = 0;
    this._isAsking = true;
    const began = performance.now();
    try {
      await this._options.ask();
    } finally {
      this._isAsking = false;
      this._pause = Math.max(this._least, PAUSE_SHARE * (performance.now() - began));
      this.update();
    }
  }

  private readonly _onVisibility = (): void => this.update();

  private _isAsking = false;
  private _isDisposed = false;
  private readonly _options: Pulse.IOptions;
  private _pause: number;
  private _timer = 0;
}

/** A namespace for Pulse. */
export namespace Pulse {
  /** Options of a Pulse. */
  export interface IOptions {
    /** Must not throw. */
    readonly ask: () => Promise<void>;
    readonly isSeen: () => boolean;
    readonly isWanted: () => boolean;
    readonly leastMilliseconds?: number;
  }
}
