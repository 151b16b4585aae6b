/**
 * The way to the part of the dialog that is about a cluster, which is fetched when a cluster is first chosen.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { toMessage } from '../api/errors';
import type { IWindlass } from '../tokens';
import type * as cluster from './cluster';

/** What is fetched. */
export type ClusterPart = typeof cluster;

/** What is fetched, and what the cluster offers. */
export interface IClusterSide {
  readonly part: ClusterPart;
  readonly offers: InstanceType<ClusterPart['OffersModel']>;
}

/** Fetches it once. */
export class ClusterSide implements IDisposable {
  constructor(options: { readonly windlass: IWindlass }) {
    this._windlass = options.windlass;
  }

  /** It has been fetched, could not be, or the cluster's offers have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** null until fetched. */
  get current(): IClusterSide | null {
    return this._current;
  }

  /** Why it could not be fetched. */
  get problem(): string | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Fetch it, or have what was fetched; null when it cannot be, and then `problem` says why. */
  async load(): Promise<IClusterSide | null> {
    this._pending ??= this._load().finally(() => (this._pending = null));
    return this._current ?? this._pending;
  }

  dispose(): void {
    this._isDisposed = true;
    this._current?.offers.dispose();
    Signal.clearData(this);
  }

  private async _load(): Promise<IClusterSide | null> {
    this._problem = null;
    try {
      const part = await import('./cluster');
      if (!this._isDisposed) {
        const offers = new part.OffersModel({ windlass: this._windlass });
        offers.changed.connect(this._emit, this);
        this._current = { part, offers };
      }
    } catch (error) {
      this._problem = toMessage(error, this._windlass.trans);
    }
    this._emit();
    return this._current;
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _current: IClusterSide | null = null;
  private _isDisposed = false;
  private _pending: Promise<IClusterSide | null> | null = null;
  private _problem: string | null = null;
  private readonly _windlass: IWindlass;
}
