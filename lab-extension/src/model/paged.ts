/**
 * A list that is read a page at a time, and how good it is.
 *
 * It knows neither what it lists nor who shows it: whoever makes it says how a page is read.
 */
import { JSONExt, type PartialJSONValue } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { WindlassError } from '../api/errors';
import { sameProblem, toWindlassError } from '../api/errors';

/** What every page of the REST interface has. */
export interface IPage<T> {
  items: T[];
  next_cursor: string | null;
}

/** How good the list is; as `JobsStatus`. */
export type PagedStatus = 'loading' | 'ready' | 'stale' | 'error' | 'forbidden' | 'absent';

/** Items of as many pages as were asked for. */
export class Paged<T, P extends IPage<T> = IPage<T>> implements IDisposable {
  /** @param read - Reads the page at a cursor; the first at null. */
  constructor(read: (cursor: string | null) => Promise<P>) {
    this._read = read;
  }

  /** Anything below has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The same array until something in it changes. */
  get items(): readonly T[] {
    return this._items;
  }

  /** The first page, whole; null: none was read yet. */
  get first(): P | null {
    return this._first;
  }

  get status(): PagedStatus {
    return this._status;
  }

  get problem(): WindlassError | null {
    return this._problem;
  }

  /** When what is shown was read. */
  get readAt(): Date | null {
    return this._readAt;
  }

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
    Signal.clearData(this);
  }

  /**
   * Read the list again, as far as it was read.
   *
   * @param options.fromTop - Another question is asked now: one page of the answer will do.
   */
  async refresh({ fromTop = false }: { fromTop?: boolean } = {}): Promise<void> {
    const round = ++this._round;
    this._isLoadingMore = false;
    if (this._status !== 'ready' && this._status !== 'stale') {
      this._set('loading', null);
    }
    try {
      const pages = await this._readPages(fromTop ? 1 : this._pages, round);
      if (pages) {
        this._take(pages);
      }
    } catch (error) {
      if (this._isCurrent(round)) {
        this._fail(toWindlassError(error));
      }
    }
  }

  /** Read the next page, unless that is being done. */
  async more(): Promise<void> {
    const cursor = this._cursor;
    if (cursor === null || this._isLoadingMore) {
      return;
    }
    const round = this._round;
    this._isLoadingMore = true;
    this._moreProblem = null;
    this._emit();
    try {
      const page = await this._read(cursor);
      if (!this._isCurrent(round)) {
        return;
      }
      this._items = [...this._items, ...page.items];
      this._cursor = page.next_cursor;
      this._pages += 1;
    } catch (error) {
      if (!this._isCurrent(round)) {
        return;
      }
      this._moreProblem = toWindlassError(error);
    }
    this._isLoadingMore = false;
    this._emit();
  }

  /** Null: somebody has asked anew meanwhile. */
  private async _readPages(count: number, round: number): Promise<P[] | null> {
    const pages: P[] = [];
    let cursor: string | null = null;
    do {
      const page: P = await this._read(cursor);
      if (!this._isCurrent(round)) {
        return null;
      }
      pages.push(page);
      cursor = page.next_cursor;
    } while (cursor !== null && pages.length < count);
    return pages;
  }

  private _take(pages: readonly P[]): void {
    const items = pages.flatMap(page => page.items);
    const first = pages[0] ?? null;
    const isSame = sameJson(items, this._items) && sameJson(first, this._first);
    if (!isSame) {
      this._items = items;
      this._first = first;
    }
    const had = this._cursor;
    this._pages = Math.max(1, pages.length);
    this._cursor = pages.at(-1)?.next_cursor ?? null;
    this._moreProblem = null;
    this._readAt = new Date();
    const isNews = !isSame || had !== this._cursor;
    this._set('ready', null, isNews);
  }

  private _fail(problem: WindlassError): void {
    const isStanding = problem.kind === 'absent' || problem.kind === 'forbidden';
    // What is gone is gone: what was read of it before is no older view of it.
    const isGone = problem.status === 404;
    this._set(isStanding ? problem.kind : this._readAt && !isGone ? 'stale' : 'error', problem);
  }

  private _set(status: PagedStatus, problem: WindlassError | null, isNews = false): void {
    const isSame = !isNews && status === this._status && sameProblem(problem, this._problem);
    this._status = status;
    this._problem = problem;
    if (!isSame) {
      this._emit();
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _isCurrent(round: number): boolean {
    return round === this._round && !this._isDisposed;
  }

  private readonly _changed = new Signal<this, void>(this);
  private _cursor: string | null = null;
  private _first: P | null = null;
  private _isDisposed = false;
  private _isLoadingMore = false;
  private _items: readonly T[] = [];
  private _moreProblem: WindlassError | null = null;
  private _pages = 1;
  private _problem: WindlassError | null = null;
  private readonly _read: (cursor: string | null) => Promise<P>;
  private _readAt: Date | null = null;
  private _round = 0;
  private _status: PagedStatus = 'loading';
}

function sameJson(one: unknown, other: unknown): boolean {
  return JSONExt.deepEqual(one as PartialJSONValue, other as PartialJSONValue);
}
