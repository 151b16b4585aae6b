/** How long to wait before trying again: longer each time, and never the same for everyone at once. */

/** A growing, jittered wait. */
export class Backoff {
  constructor(options: Backoff.IOptions) {
    this._first = options.firstMilliseconds;
    this._longest = options.longestMilliseconds;
    this._random = options.random ?? Math.random;
  }

  /** The next wait in milliseconds: between half and all of a bound that doubles up to the longest. */
  next(): number {
    const bound = Math.min(this._longest, this._first * 2 ** this._attempt);
    this._attempt += 1;
    return bound * (0.5 + this._random() / 2);
  }

  /** Begin again with the shortest wait. */
  reset(): void {
    this._attempt = 0;
  }

  private _attempt = 0;
  private readonly _first: number;
  private readonly _longest: number;
  private readonly _random: () => number;
}

/** A namespace for `Backoff` statics. */
export namespace Backoff {
  /** The options of a `Backoff`. */
  export interface IOptions {
    firstMilliseconds: number;
    longestMilliseconds: number;
    /** A number in [0, 1); another source for tests. */
    random?: () => number;
  }
}
