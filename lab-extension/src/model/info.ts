/** What the server half can do, as last heard. */
import { JSONExt } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { WindlassClient } from '../api/client';
import type { WindlassError } from '../api/errors';
import { sameProblem, toWindlassError } from '../api/errors';
import type { Info } from '../api/types';
import type { IInfoModel } from '../tokens';

/** Asks for `info` when told to, and remembers the answer. */
export class InfoModel implements IInfoModel {
  constructor(options: InfoModel.IOptions) {
    this._client = options.client;
  }

  get info(): Info | null {
    return this._info;
  }

  get problem(): WindlassError | null {
    return this._problem;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    // Whoever asks while a question is on its way waits for the same answer.
    this._pending ??= this._ask().finally(() => (this._pending = null));
    return this._pending;
  }

  private async _ask(): Promise<void> {
    try {
      this._set(await this._client.info(), null);
    } catch (error) {
      this._set(this._info, toWindlassError(error));
    }
  }

  private _set(info: Info | null, problem: WindlassError | null): void {
    const isSame = JSONExt.deepEqual(info, this._info) && sameProblem(problem, this._problem);
    this._info = info;
    this._problem = problem;
    if (!isSame && !this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _client: WindlassClient;
  private _info: Info | null = null;
  private _isDisposed = false;
  private _pending: Promise<void> | null = null;
  private _problem: WindlassError | null = null;
}

/** A namespace for `InfoModel` statics. */
export namespace InfoModel {
  /** The options of an `InfoModel`. */
  export interface IOptions {
    client: WindlassClient;
  }
}
