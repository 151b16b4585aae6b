/** What the page of costs asks for: grouped by what, of which days, how many rows. It knows no widget. */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { CostsClient } from '../../api/costs';
import type { CostReport } from '../../api/types';
import { costsOf } from '../../model/costs';
import type { IWindlass } from '../../tokens';
import type { IRange, RangeName } from './ranges';
import { daysOf } from './ranges';

/** What costs are grouped by. */
export type CostBy = CostReport['by'];

const FIRST_ROWS = 100;
/** As many as the server gives at once. */
const MOST_ROWS = 10_000;

/** The question of the page. */
export class CostsPageModel implements IDisposable {
  constructor(options: CostsPageModel.IOptions) {
    this.windlass = options.windlass;
    this.client = costsOf(options.windlass);
    this._now = options.now ?? (() => Date.now());
    this._range = daysOf('month', this._now());
    this.windlass.jobs.finished.connect(this.refresh, this);
    this.windlass.info.changed.connect(this._emit, this);
  }

  readonly windlass: IWindlass;
  readonly client: CostsClient;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get by(): CostBy {
    return this._by;
  }

  get rangeName(): RangeName {
    return this._rangeName;
  }

  get range(): IRange {
    return this._range;
  }

  /** At most so many rows. */
  get limit(): number {
    return this._limit;
  }

  /** Another one means that answers may be old. */
  get revision(): number {
    return this._revision;
  }

  /** What there is to group by: the hub's records know more than one person's ledger. */
  get choices(): readonly CostBy[] {
    return this.windlass.info.info?.hub
      ? ['job', 'experiment', 'model', 'day', 'user', 'group']
      : ['job', 'experiment', 'day'];
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  groupBy(by: CostBy): void {
    this._by = by;
    this._limit = FIRST_ROWS;
    this._emit();
  }

  /** Take one of the named ranges, or go on from it to days that somebody chooses. */
  choose(name: RangeName): void {
    this._rangeName = name;
    if (name !== 'chosen') {
      this._range = daysOf(name, this._now());
    }
    this._limit = FIRST_ROWS;
    this._emit();
  }

  /** Take other days. */
  setDays(range: IRange): void {
    this._rangeName = 'chosen';
    this._range = range;
    this._emit();
  }

  showMore(): void {
    this._limit = Math.min(MOST_ROWS, this._limit * 10);
    this._revision++;
    this._emit();
  }

  /** Have everything asked for again; a day may have begun since. */
  refresh(): void {
    if (this._rangeName !== 'chosen') {
      this._range = daysOf(this._rangeName, this._now());
    }
    this._revision++;
    this._emit();
  }

  /** All rows as a table for spreadsheets. Throws a `WindlassError`. */
  async table(): Promise<string> {
    return this.client.table({ by: this._by, ...this._range, limit: MOST_ROWS });
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.windlass.jobs.finished.disconnect(this.refresh, this);
      this.windlass.info.changed.disconnect(this._emit, this);
      Signal.clearData(this);
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _by: CostBy = 'job';
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;
  private _limit = FIRST_ROWS;
  private readonly _now: () => number;
  private _range: IRange;
  private _rangeName: RangeName = 'month';
  private _revision = 0;
}

/** A namespace for `CostsPageModel` statics. */
export namespace CostsPageModel {
  /** The options of a `CostsPageModel`. */
  export interface IOptions {
    readonly windlass: IWindlass;
    /** Milliseconds since 1970. */
    readonly now?: () => number;
  }
}
