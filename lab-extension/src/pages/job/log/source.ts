/**
 * Fills a LogBuffer from the server: the end of the output first, then what follows, and earlier output on request.
 *
 * Offsets are bytes of the merged output or of one rank's. A window that starts in the middle of a line keeps that
 * piece aside, until the piece before it has been read. Knows no DOM.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { LogPage } from '../../../api/types';
import type { ILogPiece } from './buffer';
import { LogBuffer } from './buffer';

/** What a LogSource reads from; `client` and `socket` of the application do. */
export interface ILogFeed {
  logs(id: string, query: ILogQuery): Promise<LogPage>;
  followLog(jobId: string, rank: number | null, offset: number): ILogSubscription;
}

/** Which part of an output. */
export interface ILogQuery {
  readonly rank: number | null;
  readonly offset: number;
  readonly limitBytes: number;
}

/** Pages of output as they come, until disposed. */
export type ILogSubscription = IDisposable & { readonly page: ISignal<unknown, LogPage> };

/** How reading goes: `detached` shows earlier output only, and no longer what follows. */
export type LogSourceState = 'loading' | 'following' | 'complete' | 'detached' | 'error';

/** How much of the end is read at first, and of the beginning with each request. */
const WINDOW_BYTES = 1024 * 1024;

/** Reads one job's output. */
export class LogSource implements IDisposable {
  constructor(options: LogSource.IOptions) {
    this._feed = options.feed;
    this._jobId = options.jobId;
    this._windowBytes = options.windowBytes ?? WINDOW_BYTES;
    this.buffer = new LogBuffer({ capacity: options.capacity });
  }

  readonly buffer: LogBuffer;

  /** Lines have come or changed, from this number on. */
  get linesChanged(): ISignal<this, number> {
    return this._linesChanged;
  }

  /** `state`, `hasEarlier` or `problem` is another. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get state(): LogSourceState {
    return this._state;
  }

  /** Why the output could not be read; null when it could. */
  get problem(): unknown {
    return this._problem;
  }

  /** Whether there is output before the first line. */
  get hasEarlier(): boolean {
    return this._start > 0 || this._fragment !== null;
  }

  /** Whose output is read; null: all ranks, merged. */
  get rank(): number | null {
    return this._rank;
  }

  /** How many bytes there are before the first line. */
  get earlierBytes(): number {
    return this._start;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._letGo();
    Signal.clearData(this);
  }

  /** Read the end of the output, of one rank or of all (null), and follow it. */
  async open(rank: number | null): Promise<void> {
    this._letGo();
    const round = ++this._round;
    this._rank = rank;
    this.buffer.clear();
    this._start = 0;
    this._fragment = null;
    this._setState('loading');
    this._linesChanged.emit(0);
    try {
      const page = await this._feed.logs(this._jobId, { rank, offset: 0, limitBytes: this._windowBytes });
      if (round === this._round && !this._isDisposed) {
        this._begin(page);
      }
    } catch (error) {
      if (round === this._round && !this._isDisposed) {
        this._setState('error', error);
      }
    }
  }

  /** Read the window before the first line. Does nothing while that is under way, or when there is none. */
  async loadEarlier(): Promise<void> {
    if (this._loadingEarlier || !this.hasEarlier) {
      return;
    }
    const round = this._round;
    this._loadingEarlier = true;
    try {
      const from = Math.max(0, this._start - this._windowBytes);
      const pieces = await this._read(from, this._start);
      if (round === this._round && !this._isDisposed) {
        this._prepend(from, pieces);
      }
    } finally {
      this._loadingEarlier = false;
    }
  }

  /** All of the output, page by page: for a download. */
  async *pages(): AsyncGenerator<LogPage> {
    let offset = 0;
    for (;;) {
      const query = { rank: this._rank, offset, limitBytes: this._windowBytes };
      const page = await this._feed.logs(this._jobId, query);
      yield page;
      if (page.next_offset <= offset || page.next_offset >= page.size_bytes) {
        return;
      }
      offset = page.next_offset;
    }
  }

  /** Begin with the first page when that holds most of it, else with the last window. */
  private _begin(page: LogPage): void {
    if (page.size_bytes > this._windowBytes) {
      this._start = page.size_bytes - this._windowBytes;
      this._cutNext = true;
      this._follow(this._start);
      return;
    }
    this._next = page.offset;
    this._take(page);
    if (!page.complete) {
      this._follow(page.next_offset);
    }
  }

  private _follow(offset: number): void {
    this._next = offset;
    const subscription = this._feed.followLog(this._jobId, this._rank, offset);
    subscription.page.connect((_, page) => {
      if (this._subscription === subscription) {
        this._take(page);
      }
    }, this);
    this._subscription = subscription;
    this._setState('following');
  }

  private _take(page: LogPage): void {
    if (page.offset < this._next && page.next_offset <= this._next && !page.complete) {
      return;
    }
    const repeated = page.offset < this._next;
    this._next = Math.max(this._next, page.next_offset);
    const pieces = repeated ? [] : page.segments;
    const changed = this.buffer.append(this._cutNext ? this._cut(pieces) : pieces);
    if (pieces.length > 0) {
      this._linesChanged.emit(changed);
    }
    if (page.complete) {
      this._letGo();
      this._setState('complete');
    }
  }

  /** Set aside what belongs to a line that began before these pieces. */
  private _cut(pieces: readonly ILogPiece[]): ILogPiece[] {
    const [head, ...rest] = pieces;
    if (!head) {
      return [];
    }
    this._cutNext = false;
    const end = head.text.indexOf('\n') + 1;
    if (end === 0) {
      return [...pieces];
    }
    this._fragment = { ...head, text: head.text.slice(0, end) };
    return [{ ...head, text: head.text.slice(end) }, ...rest];
  }

  private async _read(from: number, to: number): Promise<ILogPiece[]> {
    const pieces: ILogPiece[] = [];
    let offset = from;
    while (offset < to) {
      const query = { rank: this._rank, offset, limitBytes: to - offset };
      const page = await this._feed.logs(this._jobId, query);
      pieces.push(...page.segments);
      if (page.next_offset <= offset) {
        break;
      }
      offset = page.next_offset;
    }
    return pieces;
  }

  private _prepend(from: number, read: readonly ILogPiece[]): void {
    let pieces = [...read];
    if (this._fragment) {
      pieces.push(this._fragment);
    }
    this._fragment = null;
    this._start = from;
    if (from > 0) {
      pieces = this._cut(pieces);
      this._cutNext = false;
    }
    if (this.buffer.prepend(pieces)) {
      this._letGo();
      this._setState('detached');
    }
    this._linesChanged.emit(this.buffer.first);
    this._stateChanged.emit();
  }

  private _letGo(): void {
    this._subscription?.dispose();
    this._subscription = null;
  }

  private _setState(state: LogSourceState, problem: unknown = null): void {
    this._state = state;
    this._problem = problem;
    this._stateChanged.emit();
  }

  private readonly _feed: ILogFeed;
  private readonly _jobId: string;
  private readonly _windowBytes: number;
  private readonly _linesChanged = new Signal<this, number>(this);
  private readonly _stateChanged = new Signal<this, void>(this);
  private _subscription: ILogSubscription | null = null;
  private _state: LogSourceState = 'loading';
  private _problem: unknown = null;
  private _rank: number | null = null;
  private _round = 0;
  private _start = 0;
  private _next = 0;
  private _fragment: ILogPiece | null = null;
  private _cutNext = false;
  private _loadingEarlier = false;
  private _isDisposed = false;
}

/** A namespace for LogSource. */
export namespace LogSource {
  /** Options of a LogSource. */
  export interface IOptions {
    readonly feed: ILogFeed;
    readonly jobId: string;
    /** How many lines to keep at most. */
    readonly capacity: number;
    /** How many bytes to read at first, and with each request for more. */
    readonly windowBytes?: number;
  }
}
