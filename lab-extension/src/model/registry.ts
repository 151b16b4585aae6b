/**
 * What is shared by everything that shows or changes registered models: the client, and word of what was changed.
 */
import { UUID } from '@lumino/coreutils';
import { Poll } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { ModelsClient } from '../api/models';
import type {
  EvaluationRequest,
  Job,
  ModelChange,
  ModelVersion,
  Promotion,
  PromotionAnswer,
  PromotionRequest,
  RegisteredModel,
  RegisterRequest,
  VersionChange
} from '../api/types';
import type { IWindlass } from '../tokens';
import { insist } from './insist';
import { Paged } from './paged';

/** Others change the registry, too: what is on screen is read again after so long. */
export const REFRESH_MILLISECONDS = 60_000;

/** The registry in this browser tab. */
export class Registry {
  constructor(options: { client: ModelsClient }) {
    this.client = options.client;
  }

  readonly client: ModelsClient;

  /** A model was changed from this tab, or may have been by somebody else; its name. */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  /** Say that a model was changed. */
  notify(name: string): void {
    this._changed.emit(name);
  }

  /** Make the model of a run a version of a registered model. */
  async register(body: RegisterRequest): Promise<ModelVersion> {
    return this._told(body.name, this.client.register(body));
  }

  /** Change a model's description and tags. */
  async changeModel(name: string, body: ModelChange): Promise<RegisteredModel> {
    return this._told(name, this.client.changeModel(name, body));
  }

  /** Change a version's description and tags. */
  async change(name: string, version: string, body: VersionChange): Promise<ModelVersion> {
    return this._told(name, this.client.change(name, version, body));
  }

  /**
   * Move an alias or a stage. An answer lost on the way is asked for again under the same key, so that nothing is moved
   * twice.
   */
  async promote(name: string, body: PromotionRequest): Promise<Promotion> {
    const key = UUID.uuid4();
    return this._told(
      name,
      insist(async () => this.client.promote(name, body, key))
    );
  }

  /** Approve, refuse or withdraw a promotion that waits. */
  async answer(promotion: Promotion, body: PromotionAnswer): Promise<Promotion> {
    const { model, id } = promotion;
    return this._told(
      model,
      insist(async () => this.client.answer(model, id, body))
    );
  }

  /** Evaluate a version as a job. */
  async evaluate(name: string, version: string, body: EvaluationRequest): Promise<Job> {
    const key = UUID.uuid4();
    return this._told(
      name,
      insist(async () => this.client.evaluate(name, version, body, key))
    );
  }

  /** A refusal is news as well: most often somebody else was quicker. */
  private async _told<T>(name: string, doing: Promise<T>): Promise<T> {
    try {
      return await doing;
    } finally {
      this._changed.emit(name);
    }
  }

  private readonly _changed = new Signal<this, string>(this);
}

const known = new WeakMap<IWindlass, Registry>();

/** The registry of this Windlass, made when first asked for. */
export function registryOf(windlass: IWindlass): Registry {
  let registry = known.get(windlass);
  if (!registry) {
    registry = new Registry({
      client: new ModelsClient({ serverSettings: windlass.client.serverSettings })
    });
    known.set(windlass, registry);
  }
  return registry;
}

/** The list of models whose names contain a text; read while somebody sees it. */
export class ModelsModel implements IDisposable {
  constructor(options: { registry: Registry }) {
    this._registry = options.registry;
    this.list = new Paged(async cursor =>
      this._registry.client.models({ q: this._text, limit: PAGE_MODELS, cursor })
    );
    this._poll = new Poll({
      auto: false,
      name: '@windlass/lab-extension:ModelsModel#models',
      frequency: { interval: REFRESH_MILLISECONDS, backoff: true, max: 5 * REFRESH_MILLISECONDS },
      standby: () => !this._isSeen || 'when-hidden',
      factory: async () => this.list.refresh()
    });
    this._registry.changed.connect(this._onRegistry, this);
  }

  readonly list: Paged<RegisteredModel>;

  get text(): string {
    return this._text;
  }

  get isDisposed(): boolean {
    return this.list.isDisposed;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._registry.changed.disconnect(this._onRegistry, this);
      this._poll.dispose();
      this.list.dispose();
      Signal.clearData(this);
    }
  }

  /** Show only models whose name contains this, whatever the case. */
  setText(text: string): void {
    if (text !== this._text) {
      this._text = text;
      void this.list.refresh({ fromTop: true });
    }
  }

  /** The list is on screen, or no longer. Nothing is asked while it is not. */
  setSeen(isSeen: boolean): void {
    if (isSeen === this._isSeen || this.isDisposed) {
      return;
    }
    this._isSeen = isSeen;
    if (isSeen) {
      void this._poll.start();
      void this._poll.refresh();
    }
  }

  private _onRegistry(): void {
    if (this._isSeen) {
      void this.list.refresh();
    }
  }

  private _isSeen = false;
  private readonly _poll: Poll;
  private readonly _registry: Registry;
  private _text = '';
}

const PAGE_MODELS = 100;
