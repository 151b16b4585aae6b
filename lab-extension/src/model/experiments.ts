/**
 * What is shared by everything that shows what MLflow tracks: the client, the views, the selection; and the choice of an
 * experiment.
 */
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { ExperimentsClient } from '../api/experiments';
import { toWindlassError, type WindlassError } from '../api/errors';
import type { Experiment } from '../api/types';
import type { IWindlass } from '../tokens';
import { RunViews } from './runView';
import { RunSelection } from './selection';

/** One for each Windlass: see `trackedOf`. */
export interface ITracked {
  readonly client: ExperimentsClient;
  readonly selection: RunSelection;
  readonly views: RunViews;
}

const known = new WeakMap<IWindlass, ITracked>();

/** What is shared within this Windlass, made when first asked for. */
export function trackedOf(windlass: IWindlass): ITracked {
  let tracked = known.get(windlass);
  if (!tracked) {
    tracked = {
      client: new ExperimentsClient({ serverSettings: windlass.client.serverSettings }),
      selection: new RunSelection(),
      views: new RunViews({ store: windlass.store })
    };
    known.set(windlass, tracked);
  }
  return tracked;
}

const PAGE_EXPERIMENTS = 50;

/** Experiments to choose from, a page at a time, and the one that was chosen. */
export class ExperimentsModel {
  constructor(options: { tracked: Pick<ITracked, 'client' | 'views'> }) {
    this._tracked = options.tracked;
  }

  /** Anything below has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Those whose name contains `text`, the one changed last first. */
  get items(): readonly Experiment[] {
    return this._items;
  }

  /** null: none is there, or not known yet. */
  get current(): Experiment | null {
    return this._current;
  }

  get isLoading(): boolean {
    return this._loading > 0;
  }

  get hasMore(): boolean {
    return this._cursor !== null;
  }

  get problem(): WindlassError | null {
    return this._problem;
  }

  get text(): string {
    return this._text;
  }

  /** Find the experiment to show first: the one shown last, else the one changed last. */
  async start(): Promise<void> {
    const last = await this._tracked.views.lastExperiment();
    if (this._current === null && last !== null) {
      this._current = {
        ...last,
        deleted: false,
        created_at: null,
        updated_at: null,
        description: null,
        url: null
      };
      this._changed.emit();
    }
    await this.search('');
  }

  /** Look for experiments by name. */
  async search(text: string): Promise<void> {
    this._text = text;
    this._cursor = null;
    await this._read(null);
  }

  /** Read the next page. */
  async more(): Promise<void> {
    if (this._cursor !== null && !this.isLoading) {
      await this._read(this._cursor);
    }
  }

  /** Show this experiment. */
  choose(experiment: Experiment): void {
    this._tracked.views.rememberExperiment(experiment);
    this._current = experiment;
    this._changed.emit();
  }

  /** The experiment that was shown last is gone: show the one changed last. */
  forget(id: string): void {
    if (id === this._current?.id) {
      this._current = null;
      this._items = this._items.filter(item => item.id !== id);
      this._settle();
      this._changed.emit();
    }
  }

  private async _read(cursor: string | null): Promise<void> {
    const round = ++this._round;
    this._loading += 1;
    this._changed.emit();
    try {
      const query = { q: this._text, limit: PAGE_EXPERIMENTS, cursor };
      const page = await this._tracked.client.experiments(query);
      if (round === this._round) {
        this._items = cursor === null ? page.items : [...this._items, ...page.items];
        this._cursor = page.next_cursor;
        this._problem = null;
      }
    } catch (error) {
      if (round === this._round) {
        this._problem = toWindlassError(error);
      }
    }
    this._loading -= 1;
    this._settle();
    this._changed.emit();
  }

  /** Have the current one from what is known. */
  private _settle(): void {
    const found = this._items.find(({ id }) => id === this._current?.id);
    this._current = found ?? this._current ?? (this._text === '' ? (this._items[0] ?? null) : null);
  }

  private readonly _changed = new Signal<this, void>(this);
  private _current: Experiment | null = null;
  private _cursor: string | null = null;
  private _items: readonly Experiment[] = [];
  private _loading = 0;
  private _problem: WindlassError | null = null;
  private _round = 0;
  private _text = '';
  private readonly _tracked: Pick<ITracked, 'client' | 'views'>;
}
