/**
 * The scrolling window on a log: whatever its length, only the rows in sight are in the document.
 *
 * Rows keep their elements while they stay in sight, so that a selection survives new output. It follows the end until
 * the reader scrolls up; then what is read stays where it is, also while lines come and go around it.
 */
import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import type { ILogLine, LogBuffer } from './buffer';
import type { IGutters } from './row';
import { createRow, timeOfDay } from './row';
import type { IRow } from './rows';
import { RowMap } from './rows';
import type { ILogHit, LogSearch } from './search';
import { occurrences } from './search';

/** How rows are shown. */
export interface ILogLook {
  readonly wrap: boolean;
  readonly timestamps: boolean;
  /** Whether to show which rank wrote a line. */
  readonly ranks: boolean;
}

/** Rows rendered above and below those in sight. */
const OVERSCAN = 8;
const TIME_CELLS = 13;

/** A row in the document and what it was made from. */
interface IShownRow {
  readonly element: HTMLElement;
  readonly line: ILogLine;
  readonly start: number;
  readonly end: number;
  readonly epoch: number;
}

/** Shows a LogBuffer. */
export class LogViewport extends Widget {
  constructor(options: LogViewport.IOptions) {
    super();
    this._buffer = options.buffer;
    this._search = options.search;
    this._rankDigits = String(Math.max(0, options.worldSize - 1)).length;
    this._launcher = options.launcher;
    this._rows = new RowMap(options.buffer);
    this.addClass('jp-WindlassLog-viewport');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'log');
    this.node.setAttribute('aria-live', 'off');
    this.node.setAttribute('aria-label', options.label);
    this._spacer.className = 'jp-WindlassLog-spacer';
    this._shownRows.className = 'jp-WindlassLog-rows';
    this._spacer.append(this._shownRows);
    this.node.append(this._spacer);
  }

  /** Following has begun or ended, the top was reached, or lines have come while it was paused. */
  get positionChanged(): ISignal<this, void> {
    return this._positionChanged;
  }

  /** Whether the end is kept in sight. */
  get isFollowing(): boolean {
    return this._isFollowing;
  }

  /** Whether the first line is in sight. */
  get isAtTop(): boolean {
    return this._from <= OVERSCAN;
  }

  /** Whether the last line is in sight. */
  get isAtEnd(): boolean {
    return this._isAtEnd;
  }

  /** How many lines have come since following was paused. */
  get unseenLines(): number {
    return this._isFollowing ? 0 : Math.max(0, this._buffer.end - this._pausedAt);
  }

  /** Sequence number of the first line in sight. */
  get firstVisibleLine(): number {
    return this._anchor?.line ?? this._buffer.first;
  }

  /** Whether there is anything to follow; without it the end of the lines is only the end of what is loaded. */
  set canFollow(canFollow: boolean) {
    this._canFollow = canFollow;
    if (!canFollow) {
      this._setFollowing(false);
    }
  }

  /** Show rows in another way. */
  set look(look: ILogLook) {
    this._look = look;
    this.node.classList.toggle('jp-mod-wrap', look.wrap);
    this._layOut();
  }

  /** Lines from this number on are new or changed. */
  linesChanged(changed: number): void {
    this._rows.update(changed);
    this._schedule();
    if (!this._isFollowing) {
      this._positionChanged.emit();
    }
  }

  /** The search has other hits, or stands on another. */
  hitsChanged(): void {
    this._epoch++;
    this._schedule();
  }

  /** Keep the end in sight from now on. */
  follow(): void {
    this._setFollowing(true);
    this._schedule();
  }

  /** Bring a hit into sight, and stop following. */
  reveal(hit: ILogHit): void {
    this._setFollowing(false);
    this._anchor = null;
    const row = this._rows.indexOf(hit.line, hit.start);
    const height = this.node.clientHeight;
    const top = row * this._rowHeight;
    if (top < this.node.scrollTop || top + 2 * this._rowHeight > this.node.scrollTop + height) {
      this.node.scrollTop = Math.max(0, top - height / 2);
    }
    this._revealed = true;
    this.hitsChanged();
  }

  /** Keep lines where they are on the screen, whatever is put before them. */
  hold(): void {
    this._setFollowing(false);
    this._anchor ??= this._readAnchor();
  }

  override dispose(): void {
    cancelAnimationFrame(this._frame);
    this._resizes.disconnect();
    Signal.clearData(this);
    super.dispose();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.node.addEventListener('scroll', this._onScroll, { passive: true });
    this._resizes.observe(this.node);
    this._layOut();
  }

  protected override onBeforeDetach(msg: Message): void {
    this.node.removeEventListener('scroll', this._onScroll);
    this._resizes.disconnect();
    super.onBeforeDetach(msg);
  }

  private readonly _onScroll = (): void => {
    const { scrollTop, clientHeight, scrollHeight } = this.node;
    if (clientHeight === 0) {
      return;
    }
    this._setFollowing(this._canFollow && scrollTop + clientHeight >= scrollHeight - this._rowHeight / 2);
    this._anchor = this._readAnchor();
    this._schedule();
  };

  private _setFollowing(isFollowing: boolean): void {
    if (isFollowing !== this._isFollowing) {
      this._isFollowing = isFollowing;
      this._pausedAt = this._buffer.end;
      this._positionChanged.emit();
    }
  }

  /** Measure the font and the width, and lay out all rows. */
  private _layOut(): void {
    if (!this.isAttached || this.node.clientHeight === 0) {
      return;
    }
    const { width, height } = this._measure();
    this._rowHeight = height;
    const gutters = (this._look.timestamps ? TIME_CELLS : 0) + (this._look.ranks ? this._rankDigits + 3 : 0);
    const columns = Math.floor((this.node.clientWidth - 2 * 8) / width) - gutters - 1;
    this._rows.wrapAt(this._look.wrap ? Math.max(20, columns) : null);
    this._epoch++;
    this._schedule();
  }

  private _measure(): { width: number; height: number } {
    const probe = createRow({ ...EMPTY_ROW, text: '0'.repeat(100), end: 100 });
    probe.style.position = 'absolute';
    probe.style.width = 'max-content';
    this._shownRows.append(probe);
    const text = probe.getBoundingClientRect();
    probe.remove();
    return { width: text.width / 100 || 8, height: Math.round(text.height) || 18 };
  }

  private _schedule(): void {
    if (this._frame === 0 && this.isAttached) {
      this._frame = requestAnimationFrame(() => {
        this._frame = 0;
        this._render();
      });
    }
  }

  private _render(): void {
    const viewHeight = this.node.clientHeight;
    if (viewHeight === 0) {
      return;
    }
    const height = this._rowHeight;
    this._spacer.style.height = `${this._rows.count * height}px`;
    if (this._isFollowing) {
      this.node.scrollTop = Math.max(0, this._rows.count * height - viewHeight);
    } else if (this._anchor && !this._revealed) {
      const top = this._rows.indexOf(this._anchor.line, this._anchor.column) * height + this._anchor.offset;
      if (Math.abs(top - this.node.scrollTop) >= 1) {
        this.node.scrollTop = top;
      }
    }
    this._revealed = false;
    const first = Math.floor(this.node.scrollTop / height);
    const before = [this.isAtTop, this.isAtEnd];
    this._from = Math.max(0, first - OVERSCAN);
    this._show(this._from, Math.min(this._rows.count, first + Math.ceil(viewHeight / height) + OVERSCAN));
    this._anchor = this._readAnchor();
    this._isAtEnd = this.node.scrollTop + viewHeight >= this._rows.count * height - 1;
    if (this.isAtTop !== before[0] || this.isAtEnd !== before[1]) {
      this._positionChanged.emit();
    }
  }

  /** Have these rows in the document, and no others; those that are there and unchanged are not touched. */
  private _show(from: number, to: number): void {
    const wanted = new Map<string, IShownRow>();
    for (let index = from; index < to; index++) {
      const row = this._rows.row(index);
      if (row) {
        const key = `${row.line}:${row.part}`;
        wanted.set(key, this._reuse(key, row) ?? this._create(row));
      }
    }
    for (const [key, shown] of this._shown) {
      if (wanted.get(key)?.element !== shown.element) {
        shown.element.remove();
      }
    }
    let next = this._shownRows.firstChild;
    for (const { element } of wanted.values()) {
      if (element === next) {
        next = next.nextSibling;
      } else {
        this._shownRows.insertBefore(element, next);
      }
    }
    this._shown = wanted;
    this._shownRows.style.top = `${from * this._rowHeight}px`;
  }

  private _reuse(key: string, row: IRow): IShownRow | null {
    const shown = this._shown.get(key);
    const same =
      shown?.epoch === this._epoch &&
      shown.line === this._buffer.get(row.line) &&
      shown.start === row.start &&
      shown.end === row.end;
    return same ? shown : null;
  }

  private _create({ line: sequence, part, start, end }: IRow): IShownRow {
    const line = this._buffer.get(sequence) ?? NO_LINE;
    const current = this._search.currentHit;
    const element = createRow({
      text: line.text,
      start,
      end,
      spans: line.spans,
      hits: occurrences(line.text, this._search.needle),
      currentHit: current?.line === sequence ? current.start : null,
      ...this._gutters(line, part === 0)
    });
    element.style.setProperty('--windlass-rank-cells', String(this._rankDigits + 1));
    return { element, line, start, end, epoch: this._epoch };
  }

  /** What stands before a line; before the rest of a wrapped one, only room for it. */
  private _gutters({ rank, time }: ILogLine, isFirst: boolean): IGutters {
    const { ranks, timestamps } = this._look;
    const rankText = rank === null ? '·' : String(rank);
    return {
      rank: ranks ? rankText.slice(0, isFirst ? undefined : 0) : null,
      rankTitle: rank === null ? this._launcher : `rank ${rank}`,
      time: timestamps ? timeOfDay(time).slice(0, isFirst ? undefined : 0) : null,
      timeTitle: time
    };
  }

  private _readAnchor(): { line: number; column: number; offset: number } | null {
    const top = this.node.scrollTop;
    const index = Math.floor(top / this._rowHeight);
    const row = this._rows.row(index);
    return row && { line: row.line, column: row.start, offset: top - index * this._rowHeight };
  }

  private readonly _buffer: LogBuffer;
  private readonly _search: LogSearch;
  private readonly _rows: RowMap;
  private readonly _rankDigits: number;
  private readonly _launcher: string;
  private readonly _spacer = document.createElement('div');
  private readonly _shownRows = document.createElement('div');
  private readonly _resizes = new ResizeObserver(() => this._layOut());
  private readonly _positionChanged = new Signal<this, void>(this);
  private _look: ILogLook = { wrap: false, timestamps: false, ranks: false };
  private _shown = new Map<string, IShownRow>();
  private _anchor: { line: number; column: number; offset: number } | null = null;
  private _isAtEnd = true;
  private _isFollowing = true;
  private _canFollow = true;
  private _revealed = false;
  private _pausedAt = 0;
  private _rowHeight = 18;
  private _from = 0;
  private _frame = 0;
  private _epoch = 0;
}

const NO_LINE: ILogLine = { rank: null, time: '', text: '', spans: [] };

const EMPTY_ROW = {
  text: '',
  start: 0,
  end: 0,
  spans: [],
  hits: [],
  currentHit: null,
  rank: null,
  rankTitle: '',
  time: null,
  timeTitle: ''
};

/** A namespace for LogViewport. */
export namespace LogViewport {
  /** Options of a LogViewport. */
  export interface IOptions {
    readonly buffer: LogBuffer;
    readonly search: LogSearch;
    readonly worldSize: number;
    /** What a screen reader calls it. */
    readonly label: string;
    /** What the output of no rank is called. */
    readonly launcher: string;
  }
}
