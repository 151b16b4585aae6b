/**
 * Fills a LogBuffer from the server: the end of the output first, then what follows, and earlier output on request.
 *
 * Offsets are bytes of the merged output or of one rank's. A window that starts in the middle of a line keeps that
 * piece aside, until the piece before it has been read. Knows no DOM.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { ILogFollower } from '../../../api/followers';
import type { LogPage, Problem } from '../../../api/types';
import type { ILogPiece } from './buffer';
import { LogBuffer } from './buffer';

/** What a LogSource reads from; `client` and `socket` of the application do. */
export interface ILogFeed {
  logs(id: string, query: ILogQuery): Promise<LogPage>;
  followLog(jobId: string, rank: number | null, offset: number): ILogFollower;
}

/** Which part of an output. */
export interface ILogQuery {
  readonly rank: number | null;
  readonly offset: number;
  readonly limitBytes: number;
}

/** How reading goes: `detached` shows earlier output only, and no longer what follows. */
export type LogSourceState = 'loading' | 'following' | 'complete' | 'detached' | 'error';

/** How much of the end is read at first, and of what is before it with each request. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** Enough to show a short output with one request, and to learn how long a long one is. */
const FIRST_LOOK_BYTES = 64 * 1024;

/** Reads one job's output. */
export class LogSource implements IDisposable {
  constructor(options: LogSource.IOptions) {
    this._feed = options.feed;
    this._jobId = options.jobId;
    this._windowBytes = options.windowBytes ?? WINDOW_BYTES;
    this.buffer = new LogBuffer(options);
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
      const limitBytes = Math.min(FIRST_LOOK_BYTES, this._windowBytes);
      const page = await this._feed.logs(this._jobId, { rank, offset: 0, limitBytes });
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

  /** Begin with the first page when one window holds everything, else with the last window. */
  private _begin(page: LogPage): void {
    if (page.size_bytes > this._windowBytes) {
      this._start = page.size_bytes - this._windowBytes;
      this._cutNext = true;
      this._follow(this._start);
      return;
    }
    this._take(page);
    if (!page.complete) {
      this._follow(page.next_offset);
    }
  }

  private _follow(offset: number): void {
    this._follower = this._feed.followLog(this._jobId, this._rank, offset);
    this._follower.page.connect(this._onPage, this);
    this._follower.problem.connect(this._onProblem, this);
    this._setState('following');
  }

  private _onPage(_: ILogFollower, page: LogPage): void {
    this._take(page);
  }

  private _onProblem(_: ILogFollower, problem: Problem): void {
    this._setState('error', new Error(problem.detail));
  }

  private _take(page: LogPage): void {
    const changed = this.buffer.append(this._cutNext ? this._cut(page.segments) : page.segments);
    if (page.segments.length > 0) {
      this._linesChanged.emit(changed);
    }
    if (this._state === 'error') {
      this._setState('following');
    }
    if (page.complete) {
      this._letGo();
      this._setState('complete');
    }
  }

  /** Set aside what belongs to a line that began before the window. */
  private _cut(pieces: readonly ILogPiece[]): readonly ILogPiece[] {
    const cut = cutFirstLine(this._fragment ? [this._fragment, ...pieces] : pieces);
    this._fragment = cut.fragment;
    this._cutNext = !cut.isWhole;
    return cut.rest;
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
    const pieces = this._fragment ? [...read, this._fragment] : read;
    const cut = from > 0 ? cutFirstLine(pieces) : { fragment: null, rest: pieces };
    this._fragment = cut.fragment;
    this._start = from;
    if (this.buffer.prepend(cut.rest)) {
      this._letGo();
      this._setState('detached');
    }
    this._linesChanged.emit(this.buffer.first);
    this._stateChanged.emit();
  }

  private _letGo(): void {
    this._follower?.dispose();
    this._follower = null;
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
  private _follower: ILogFollower | null = null;
  private _state: LogSourceState = 'loading';
  private _problem: unknown = null;
  private _rank: number | null = null;
  private _round = 0;
  private _start = 0;
  private _fragment: ILogPiece | null = null;
  private _cutNext = false;
  private _loadingEarlier = false;
  private _isDisposed = false;
}

/** What the first line is cut into: `fragment` up to its end, `isWhole` when that end was found. */
interface IFirstLine {
  readonly fragment: ILogPiece | null;
  readonly rest: readonly ILogPiece[];
  readonly isWhole: boolean;
}

/** Cut off the first line of these pieces; nothing, when another rank writes before it ends. */
function cutFirstLine(pieces: readonly ILogPiece[]): IFirstLine {
  const head = pieces[0];
  if (!head) {
    return { fragment: null, rest: [], isWhole: false };
  }
  let text = '';
  for (const [index, piece] of pieces.entries()) {
    if (piece.rank !== head.rank) {
      return { fragment: null, rest: pieces, isWhole: true };
    }
    const end = piece.text.indexOf('\n') + 1;
    if (end > 0) {
      const rest = [{ ...piece, text: piece.text.slice(end) }, ...pieces.slice(index + 1)];
      return { fragment: { ...head, text: text + piece.text.slice(0, end) }, rest, isWhole: true };
    }
    text += piece.text;
  }
  return { fragment: { ...head, text }, rest: [], isWhole: false };
}

/** A namespace for LogSource. */
export namespace LogSource {
  /** Options of a LogSource. */
  export interface IOptions extends LogBuffer.IOptions {
    readonly feed: ILogFeed;
    readonly jobId: string;
    /** How many bytes to read at first, and with each request for more. */
    readonly windowBytes?: number;
  }
}
