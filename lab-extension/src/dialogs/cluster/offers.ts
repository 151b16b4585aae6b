/** What the cluster offers, as last heard: the next dialog begins with it, and asks again. */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { WindlassClient } from '../../api/client';
import { toWindlassError, toMessage } from '../../api/errors';
import type { ClusterOffers } from '../../api/types';
import type { IWindlass } from '../../tokens';

/** `stale`: the offers were right once, and the cluster cannot be asked now. */
export type OffersState = 'loading' | 'ready' | 'stale' | 'forbidden' | 'error';

interface IHeard {
  readonly offers: ClusterOffers;
  readonly at: Date;
}

const heard = new WeakMap<WindlassClient, IHeard>();

/** Asks for the offers when made and when told to. */
export class OffersModel implements IDisposable {
  constructor(options: { readonly windlass: IWindlass }) {
    this._windlass = options.windlass;
    void this.refresh();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get state(): OffersState {
    return this._state;
  }

  /** null until the cluster was heard of. */
  get offers(): ClusterOffers | null {
    return heard.get(this._windlass.client)?.offers ?? null;
  }

  /** When the offers were right. */
  get heardAt(): Date | null {
    return heard.get(this._windlass.client)?.at ?? null;
  }

  /** Why the cluster could not be asked; null when it could. */
  get problem(): string | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Ask now. Never throws: `problem` says what went wrong. */
  async refresh(): Promise<void> {
    const { client, trans } = this._windlass;
    this._set(this.offers ? 'ready' : 'loading', null);
    try {
      heard.set(client, { offers: await client.cluster(), at: new Date() });
      this._set('ready', null);
    } catch (error) {
      const isForbidden = toWindlassError(error).kind === 'forbidden';
      const state = isForbidden ? 'forbidden' : this.offers ? 'stale' : 'error';
      this._set(state, toMessage(error, trans));
    }
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _set(state: OffersState, problem: string | null): void {
    this._state = state;
    this._problem = problem;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private _problem: string | null = null;
  private _state: OffersState = 'loading';
  private readonly _windlass: IWindlass;
}
