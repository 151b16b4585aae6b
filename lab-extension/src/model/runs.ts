/**
 * The runs of one experiment, as a list that grows while it is scrolled, and is kept current while it is seen.
 *
 * It decides when something is asked and what the state of the list is; `RunPages` asks, `RunRows` keeps the runs. No widgets.
 */
import { Poll } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { WindlassError } from '../api/errors';
import { sameProblem, toWindlassError } from '../api/errors';
import type { ColumnList, RunPage } from '../api/types';
import type { IWindlassSettings } from '../tokens';
import type { ITracked } from './experiments';
import { RunPages } from './runPages';
import type { IRunRow } from './runRows';
import { loadedOf, RunRows } from './runRows';
import type { IRunView } from './runView';

/** So many runs that may still change are asked for at once. */
const MOST_LIVE = 100;

/** A list in which nothing runs is looked at again after so long, for runs that have begun. */
const QUIET_MILLISECONDS = 60_000;

/** What was read so recently is current. */
const FRESH_MILLISECONDS = 5000;

/** How good the list is; as `JobsStatus`. */
export type RunsStatus = 'loading' | 'ready' | 'stale' | 'error' | 'forbidden' | 'absent';

/** The list of runs. */
export class RunsModel implements IDisposable {
  constructor(options: RunsModel.IOptions) {
    this._tracked = options.tracked;
    this._settings = options.settings;
    this.experimentId = options.experimentId;
    this._pages = new RunPages(options);
    this._poll = new Poll({
      auto: false,
      name: '@windlass/lab-extension:RunsModel#runs',
      frequency: { interval: QUIET_MILLISECONDS, backoff: true, max: 300_000 },
      standby: () => !this._isSeen || 'when-hidden',
      factory: async () => this._renew()
    });
    this._tracked.views.changed.connect(this._onView, this);
  }

  readonly experimentId: string;

  /** Anything below has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The runs, nested ones under theirs where they are shown. The same array until something changes. */
  get rows(): readonly IRunRow[] {
    return this._rows.rows;
  }

  get status(): RunsStatus {
    return this._status;
  }

  get problem(): WindlassError | null {
    return this._problem;
  }

  /** When what is shown was read from MLflow. */
  get readAt(): Date | null {
    return this._readAt;
  }

  /** What the runs can be shown, sorted and filtered by; null: not known yet. */
  get known(): ColumnList | null {
    return this._pages.known;
  }

  get view(): IRunView {
    return this._tracked.views.get(this.experimentId);
  }

  /** The columns in view, in order. */
  get columns(): readonly string[] {
    return this._pages.columns;
  }

  /** The filter that the list is by. */
  get filter(): string {
    return this._pages.filter;
  }

  /** Whether nested runs stand under theirs now: those that a filter finds are shown by themselves. */
  get isGrouped(): boolean {
    return this._pages.isGrouped;
  }

  /** Whether there are runs that were not read yet. */
  get hasMore(): boolean {
    return this._cursor !== null;
  }

  get isLoadingMore(): boolean {
    return this._isLoadingMore;
  }

  /** Why the next page could not be read; null: it could. */
  get moreProblem(): WindlassError | null {
    return this._moreProblem;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._poll.dispose();
    Signal.clearData(this);
  }

  /** The list is on screen, or no longer. Nothing is asked while it is not. */
  setSeen(isSeen: boolean): void {
    if (isSeen === this._isSeen || this._isDisposed) {
      return;
    }
    this._isSeen = isSeen;
    if (isSeen && !this._isStarted) {
      this._isStarted = true;
      void this._start();
    } else if (isSeen) {
      void this._poll.refresh();
    }
  }

  /** Show the runs that this filter finds. */
  setFilter(filter: string): void {
    if (filter !== this.filter) {
      this._pages.filter = filter;
      void this.refresh();
    }
  }

  /** Look at the list in another way. */
  setView(change: Partial<IRunView>): void {
    this._tracked.views.update(this.experimentId, change);
  }

  /** Read the list anew, from the top. */
  async refresh(): Promise<void> {
    this._rows.collapseAll();
    this._columnsAsked ??= this._readColumns();
    await this._readFirst({ cached: false });
  }

  /** Read the next page, unless that is being done. */
  async more(): Promise<void> {
    const cursor = this._cursor;
    if (cursor === null || this._isLoadingMore || this._isDisposed) {
      return;
    }
    const round = this._round;
    this._isLoadingMore = true;
    this._moreProblem = null;
    this._changed.emit();
    try {
      const page = await this._pages.next(cursor);
      if (round === this._round) {
        this._rows.append(loadedOf(page));
        this._cursor = page.next_cursor;
      }
    } catch (error) {
      if (round === this._round) {
        this._moreProblem = toWindlassError(error);
      }
    }
    if (round === this._round) {
      this._isLoadingMore = false;
      this._emit();
    }
  }

  /** Show the runs nested under one, or no longer. */
  expand(id: string, isExpanded: boolean): void {
    this._rows.expand(id, isExpanded);
    if (isExpanded && !this._rows.isRead(id)) {
      void this.moreNested(id);
    }
    this._emit();
  }

  /** Read the runs nested under one: the first page of them, or the next. */
  async moreNested(id: string): Promise<void> {
    const branch = this._rows.branch(id);
    const { items = [], cursor = null } = branch ?? {};
    const round = this._round;
    this._rows.setBranch(id, { items, cursor, status: 'loading' });
    this._emit();
    try {
      const page = await this._pages.nestedUnder(id, cursor);
      if (round === this._round) {
        const all = [...items, ...loadedOf(page)];
        this._rows.setBranch(id, { items: all, cursor: page.next_cursor, status: 'ready' });
      }
    } catch {
      if (round === this._round) {
        this._rows.setBranch(id, { items, cursor, status: 'error' });
      }
    }
    this._emit();
  }

  private async _start(): Promise<void> {
    await this._tracked.views.load(this.experimentId);
    this._columnsAsked = this._readColumns();
    if (this.view.columns === null) {
      // The columns to show first are among those that are known; the server has them without asking MLflow twice.
      await this._columnsAsked;
    }
    this._pages.chooseColumns();
    await this._readFirst({ cached: true });
    if (!this._isDisposed) {
      void this._poll.schedule({ interval: this._poll.frequency.interval, phase: 'resolved' });
    }
  }

  private async _readColumns(): Promise<void> {
    try {
      await this._pages.readColumns();
      this._emit();
    } catch {
      // The list itself says what is wrong with MLflow; this is asked again with it.
      this._columnsAsked = null;
    }
  }

  /** Read the first page; what was read of it before is shown until MLflow has answered. */
  private async _readFirst({ cached }: { cached: boolean }): Promise<void> {
    const round = ++this._round;
    this._isLoadingMore = false;
    this._moreProblem = null;
    this._status = this._status === 'ready' ? 'ready' : 'loading';
    this._isBusy = true;
    this._asked = JSON.stringify(this._pages.question());
    this._emit();
    try {
      const page = await this._pages.first({ cached });
      if (round !== this._round || this._isDisposed) {
        return;
      }
      this._take(page);
      if (cached && Date.now() - Date.parse(page.read_at) > FRESH_MILLISECONDS) {
        await this._readFirst({ cached: false });
        return;
      }
      void this._readParents();
    } catch (error) {
      if (round === this._round) {
        this._fail(toWindlassError(error));
      }
    }
  }

  private _take(page: RunPage): void {
    this._rows.replace(loadedOf(page));
    this._cursor = page.next_cursor;
    this._settle(page);
  }

  private _settle(page: RunPage): void {
    this._readAt = new Date(page.read_at);
    this._status = 'ready';
    this._problem = null;
    this._isBusy = false;
    this._setPace();
    this._emit();
  }

  private _fail(problem: WindlassError): void {
    this._isBusy = false;
    const isStanding = problem.kind === 'absent' || problem.kind === 'forbidden';
    const status: RunsStatus = isStanding ? problem.kind : this._readAt ? 'stale' : 'error';
    const isSame = status === this._status && sameProblem(problem, this._problem);
    this._status = status;
    this._problem = problem;
    if (!isSame) {
      this._emit();
    }
  }

  /** Learn under which runs others are nested, as far as one page tells; any other can be opened to look. */
  private async _readParents(): Promise<void> {
    if (!this.isGrouped) {
      this._rows.setParents([], null);
      this._emit();
      return;
    }
    try {
      const page = await this._pages.nested();
      const ids = page.items.map(run => run.parent_id).filter(id => id !== null);
      this._rows.setParents(ids, page.next_cursor === null);
    } catch {
      this._rows.setParents([], false);
    }
    this._emit();
  }

  /** What the poll does: the first page again, the runs further down that may have changed, and where those nest others. */
  private async _renew(): Promise<void> {
    if (this._isBusy || this._isLoadingMore) {
      return;
    }
    const round = this._round;
    try {
      const page = await this._pages.first();
      const seen = new Set(page.items.map(run => run.id));
      const rest = this._rows.liveIds(MOST_LIVE).filter(id => !seen.has(id));
      const others = rest.length > 0 ? await this._pages.these(rest) : null;
      if (round !== this._round || this._isDisposed) {
        return;
      }
      this._rows.mergeFirst(loadedOf(page), page.next_cursor !== null);
      if (this._rows.top.length <= page.items.length) {
        this._cursor = page.next_cursor;
      }
      if (others) {
        this._rows.update(loadedOf(others));
      }
      this._settle(page);
      void (this._rows.liveIds(1).length > 0 && this._readParents());
    } catch (error) {
      if (round === this._round) {
        this._fail(toWindlassError(error));
      }
      throw error;
    }
  }

  private _setPace(): void {
    const isLive = this._rows.liveIds(1).length > 0;
    const interval = isLive ? this._settings.pollSeconds * 1000 : QUIET_MILLISECONDS;
    if (interval !== this._poll.frequency.interval) {
      this._poll.frequency = { ...this._poll.frequency, interval };
      void this._poll.schedule({ interval, phase: 'resolved' });
    }
  }

  private _onView(_: unknown, experimentId: string): void {
    if (experimentId !== this.experimentId || !this._isStarted) {
      return;
    }
    const had = this.columns;
    this._pages.chooseColumns();
    // Columns that are no longer in view are there to be left out: nothing is asked for that.
    const isLess = this.columns.every(column => had.includes(column));
    const after = JSON.stringify(this._pages.question(isLess ? had : undefined));
    if (after === this._asked) {
      this._emit();
    } else {
      void this.refresh();
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  /** The question that the list answers. */
  private _asked = '';
  private readonly _changed = new Signal<this, void>(this);
  private _columnsAsked: Promise<void> | null = null;
  private _cursor: string | null = null;
  private _isBusy = false;
  private _isDisposed = false;
  private _isLoadingMore = false;
  private _isSeen = false;
  private _isStarted = false;
  private _moreProblem: WindlassError | null = null;
  private readonly _pages: RunPages;
  private readonly _poll: Poll;
  private _problem: WindlassError | null = null;
  private _readAt: Date | null = null;
  private _round = 0;
  private readonly _rows = new RunRows();
  private readonly _settings: IWindlassSettings;
  private _status: RunsStatus = 'loading';
  private readonly _tracked: ITracked;
}

/** A namespace for `RunsModel` statics. */
export namespace RunsModel {
  /** The options of a `RunsModel`. */
  export interface IOptions {
    experimentId: string;
    settings: IWindlassSettings;
    tracked: ITracked;
  }
}
