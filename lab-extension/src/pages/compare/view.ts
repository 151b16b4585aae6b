/**
 * How comparisons are looked at: what is drawn over what, how smooth, which tab. Remembered for the next comparison,
 * and for this one after a reload.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

export const TABS = ['curves', 'values', 'scatter', 'notebooks'] as const;
export const AXES = ['step', 'relative', 'wall'] as const;

/** A tab of the page. */
export type CompareTab = (typeof TABS)[number];

/** What curves are drawn over: the step, the time since the run's first point, or the time of day. */
export type XAxis = (typeof AXES)[number];

/** As many metrics as the server reads at once. */
export const MOST_METRICS = 20;

/** The weight of the past in smoothed curves goes up to here. */
export const MOST_SMOOTHING = 0.99;

/** How a comparison is looked at. */
export interface ICompareView {
  readonly tab: CompareTab;
  readonly axis: XAxis;
  readonly isLog: boolean;
  /** From 0, none, to `MOST_SMOOTHING`. */
  readonly smoothing: number;
  /** Each metric on a chart of its own. */
  readonly isSplit: boolean;
  /** null: not chosen yet. */
  readonly metrics: readonly string[] | null;
  readonly isOnlyDifferences: boolean;
  /** Quantities of the scatter, as `quantities.ts` names them; null: not chosen yet. */
  readonly scatterX: string | null;
  readonly scatterY: string | null;
}

const DEFAULTS: ICompareView = {
  tab: 'curves',
  axis: 'step',
  isLog: false,
  smoothing: 0,
  isSplit: false,
  metrics: null,
  isOnlyDifferences: false,
  scatterX: null,
  scatterY: null
};

const STORE_ID = 'windlass:compare';

/** The view, and where it is remembered. */
export class CompareView implements IDisposable {
  constructor(options: { readonly store: IStateDB | null }) {
    this._store = options.store;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get value(): ICompareView {
    return this._value;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Take what was remembered, but for what was chosen meanwhile. */
  async restore(): Promise<void> {
    const before = this._value;
    const found = await this._store?.fetch(STORE_ID).catch(() => undefined);
    if (!this._isDisposed && this._value === before && found !== undefined) {
      this._value = toView(found);
      this._changed.emit();
    }
  }

  set(change: Partial<ICompareView>): void {
    this._value = { ...this._value, ...change };
    this._changed.emit();
    // What cannot be remembered is not: the page is none the worse.
    void this._store?.save(STORE_ID, { ...this._value }).catch(() => undefined);
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private readonly _store: IStateDB | null;
  private _value = DEFAULTS;
}

/** What was remembered, defaults for what is not as it should be: another version may have written it. */
export function toView(found: unknown): ICompareView {
  const given = (typeof found === 'object' && found !== null ? found : {}) as Record<string, unknown>;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const { smoothing, metrics } = given;
  return {
    tab: TABS.find(tab => tab === given.tab) ?? DEFAULTS.tab,
    axis: AXES.find(axis => axis === given.axis) ?? DEFAULTS.axis,
    isLog: given.isLog === true,
    smoothing:
      typeof smoothing === 'number' ? Math.min(Math.max(smoothing, 0), MOST_SMOOTHING) : DEFAULTS.smoothing,
    isSplit: given.isSplit === true,
    metrics: Array.isArray(metrics)
      ? metrics.filter((key): key is string => typeof key === 'string').slice(0, MOST_METRICS)
      : null,
    isOnlyDifferences: given.isOnlyDifferences === true,
    scatterX: text(given.scatterX),
    scatterY: text(given.scatterY)
  };
}
