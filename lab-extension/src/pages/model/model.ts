/**
 * A registered model, for its page: its versions, what became of its promotions, and what of it is shown.
 */
import { Poll } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ModelVersion, ModelVersionList, Promotion, RegisteredModel } from '../../api/types';
import { Paged } from '../../model/paged';
import type { Registry } from '../../model/registry';
import { REFRESH_MILLISECONDS, registryOf } from '../../model/registry';
import type { IWindlass } from '../../tokens';

/** A tab of the page. */
export type ModelTabName = 'versions' | 'promotions';

const PAGE_VERSIONS = 100;

/** What the page shows. */
export class ModelPageModel implements IDisposable {
  constructor(options: ModelPageModel.IOptions) {
    this.name = options.name;
    this.windlass = options.windlass;
    this.registry = registryOf(options.windlass);
    const { client } = this.registry;
    this.versions = new Paged(async cursor => client.model(this.name, { limit: PAGE_VERSIONS, cursor }));
    this.promotions = new Paged(async cursor => client.promotions(this.name, cursor));
    this.versions.changed.connect(this._emit, this);
    this.promotions.changed.connect(this._emit, this);
    this.registry.changed.connect(this._onRegistry, this);
    this._poll = new Poll({
      auto: false,
      name: `@windlass/lab-extension:ModelPageModel#${this.name}`,
      frequency: { interval: REFRESH_MILLISECONDS, backoff: true, max: 5 * REFRESH_MILLISECONDS },
      standby: () => !this._isSeen || 'when-hidden',
      factory: async () => this.refresh()
    });
  }

  readonly name: string;
  readonly windlass: IWindlass;
  readonly registry: Registry;
  readonly versions: Paged<ModelVersion, ModelVersionList>;
  readonly promotions: Paged<Promotion>;

  /** Anything that is shown has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** null: not known yet. */
  get model(): RegisteredModel | null {
    return this.versions.first?.model ?? null;
  }

  get tab(): ModelTabName {
    return this._tab;
  }

  /** The version whose details are shown; the newest while none was chosen. */
  get shown(): string | null {
    return this._chosen ?? this.versions.items[0]?.version ?? null;
  }

  /** The version that the shown one is compared with; null: it is shown by itself. */
  get against(): string | null {
    return this._against;
  }

  /** How many promotions wait for an approval, as far as they were read. */
  get waiting(): number {
    return this.promotions.items.filter(({ state }) => state === 'waiting').length;
  }

  /** Grows whenever the model may have been changed: what was read of it before is old. */
  get revision(): number {
    return this._revision;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.registry.changed.disconnect(this._onRegistry, this);
      this._poll.dispose();
      this.versions.dispose();
      this.promotions.dispose();
      Signal.clearData(this);
    }
  }

  /** The page is on screen, or no longer. Nothing is asked while it is not. */
  setSeen(isSeen: boolean): void {
    if (isSeen === this._isSeen || this._isDisposed) {
      return;
    }
    this._isSeen = isSeen;
    if (isSeen) {
      void this._poll.start();
      void this._poll.refresh();
    }
  }

  /** Read again what is shown. */
  async refresh(): Promise<void> {
    await Promise.all([this.versions.refresh(), this.promotions.refresh()]);
  }

  showTab(tab: ModelTabName): void {
    this._tab = tab;
    this._emit();
  }

  /** Show one version by itself. */
  showVersion(version: string): void {
    this._tab = 'versions';
    this._chosen = version;
    this._against = null;
    this._emit();
  }

  /** Show the shown version against another; null: by itself again. */
  compareWith(version: string | null): void {
    this._against = version;
    this._emit();
  }

  private _onRegistry(_: Registry, name: string): void {
    if (name === this.name) {
      this._revision += 1;
      void this.refresh();
      this._emit();
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _against: string | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private _chosen: string | null = null;
  private _isDisposed = false;
  private _isSeen = false;
  private readonly _poll: Poll;
  private _revision = 0;
  private _tab: ModelTabName = 'versions';
}

/** A namespace for `ModelPageModel` statics. */
export namespace ModelPageModel {
  /** The options of a `ModelPageModel`. */
  export interface IOptions {
    readonly name: string;
    readonly windlass: IWindlass;
  }
}
