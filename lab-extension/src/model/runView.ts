/**
 * How the user looks at each experiment: which columns, in which order, grouped or not. Remembered, and the same in the
 * panel and in the table.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { START_TIME } from './columns';

/** How an experiment is looked at. */
export interface IRunView {
  /** In order; null: the user has chosen none. */
  readonly columns: readonly string[] | null;
  readonly sort: string;
  readonly descending: boolean;
  /** Whether nested runs stand under theirs. */
  readonly isGrouped: boolean;
}

const DEFAULT_VIEW: IRunView = { columns: null, sort: START_TIME, descending: true, isGrouped: true };

const PREFIX = 'windlass:runs';
const LAST = 'windlass:experiment';
const COLUMN = /^(metrics|params|tags|attributes)\../;

/** Remembers views by experiment. */
export class RunViews {
  constructor(options: { store: IStateDB | null }) {
    this._store = options.store;
  }

  /** The view of this experiment has changed. */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  /** The view as far as it is known: the default until `load` has answered. */
  get(experimentId: string): IRunView {
    return this._views.get(experimentId) ?? DEFAULT_VIEW;
  }

  /** The view as remembered. Never throws: what cannot be read is the default. */
  async load(experimentId: string): Promise<IRunView> {
    if (!this._views.has(experimentId)) {
      const stored = await this._fetch(`${PREFIX}:${experimentId}`);
      if (!this._views.has(experimentId)) {
        this._views.set(experimentId, readView(stored));
      }
    }
    return this.get(experimentId);
  }

  /** Change the view, and remember it. */
  update(experimentId: string, change: Partial<IRunView>): void {
    const view = { ...this.get(experimentId), ...change };
    this._views.set(experimentId, view);
    this._save(`${PREFIX}:${experimentId}`, { ...view, columns: view.columns && [...view.columns] });
    this._changed.emit(experimentId);
  }

  /** The experiment that was looked at last. */
  async lastExperiment(): Promise<{ id: string; name: string } | null> {
    const { id, name } = ((await this._fetch(LAST)) ?? {}) as Partial<Record<string, unknown>>;
    return typeof id === 'string' && id !== '' ? { id, name: typeof name === 'string' ? name : id } : null;
  }

  /** Remember the experiment that is looked at. */
  rememberExperiment({ id, name }: { id: string; name: string }): void {
    this._save(LAST, { id, name });
  }

  private async _fetch(key: string): Promise<unknown> {
    try {
      return await this._store?.fetch(key);
    } catch {
      // A memory that fails is none: nothing that was asked for is lost.
      return undefined;
    }
  }

  private _save(key: string, value: Parameters<IStateDB['save']>[1]): void {
    this._store?.save(key, value).catch(() => undefined);
  }

  private readonly _changed = new Signal<this, string>(this);
  private readonly _store: IStateDB | null;
  private readonly _views = new Map<string, IRunView>();
}

/** Read what was stored, by this version or another. */
function readView(stored: unknown): IRunView {
  const { columns, sort, descending, isGrouped } = (stored ?? {}) as Partial<Record<string, unknown>>;
  const isColumn = (value: unknown): value is string => typeof value === 'string' && COLUMN.test(value);
  return {
    columns: Array.isArray(columns) ? columns.filter(isColumn) : null,
    sort: isColumn(sort) ? sort : DEFAULT_VIEW.sort,
    descending: descending !== false,
    isGrouped: isGrouped !== false
  };
}
