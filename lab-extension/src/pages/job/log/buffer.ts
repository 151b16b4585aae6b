/**
 * A bounded window of a job's output, as lines, whatever the pieces it arrives in.
 *
 * Lines have a sequence number for life: appending never renumbers, dropping moves `first`. A line takes its place
 * when its rank begins it and is written to until that rank ends it, also while other ranks write. Does no I/O.
 */
import type { ITerminalSink } from './ansi';
import { AnsiParser } from './ansi';
import type { IStyledSpan } from './line';
import { LineWriter } from './line';

/** A piece of one rank's output. */
export interface ILogPiece {
  /** null: the launcher's own words. */
  readonly rank: number | null;
  /** When it was seen, RFC 3339. */
  readonly time: string;
  readonly text: string;
}

/** A line; an object never changes: a line that does is a new object at the same place. */
export interface ILogLine {
  readonly rank: number | null;
  readonly time: string;
  readonly text: string;
  readonly spans: readonly IStyledSpan[];
}

/** Lines of a log, from `first` up to but without `end`. */
export class LogBuffer {
  constructor(options: LogBuffer.IOptions) {
    this._maxLines = options.maxLines;
    this._maxCharacters = options.maxCharacters ?? Infinity;
  }

  /** Sequence number of the oldest line kept. */
  get first(): number {
    return this._first;
  }

  /** Sequence number that the next line will get. */
  get end(): number {
    return this._first + this._lines.length;
  }

  /** How many lines are kept. */
  get length(): number {
    return this._lines.length;
  }

  /** The line of this number; undefined when it is not kept. */
  get(sequence: number): ILogLine | undefined {
    return this._lines[sequence - this._first];
  }

  /** Take more output; the answer is the number of the first line that is new or changed. */
  append(pieces: Iterable<ILogPiece>): number {
    let changed = this.end;
    for (const piece of pieces) {
      changed = Math.min(changed, this._rank(piece.rank).feed(piece));
    }
    this._dropFirst();
    return Math.max(changed, this._first);
  }

  /**
   * Put earlier output before what there is. Lines that no longer fit are dropped at the end: `true` when there were
   * any, and then nothing may be appended until the buffer is cleared.
   */
  prepend(pieces: Iterable<ILogPiece>): boolean {
    const earlier = new LogBuffer({ maxLines: this._maxLines, maxCharacters: this._maxCharacters });
    earlier.append(pieces);
    this._first -= earlier._lines.length;
    this._lines = earlier._lines.concat(this._lines);
    this._characters += earlier._characters;
    return this._dropLast();
  }

  /** Forget everything. */
  clear(): void {
    this._lines = [];
    this._first = 0;
    this._characters = 0;
    this._ranks.clear();
  }

  /** All lines kept, as text; each with its rank when `ranks` is given. */
  toText(options: { ranks: boolean }): string {
    return this._lines
      .map(line =>
        options.ranks && line.rank !== null ? `[rank ${line.rank}] ${line.text}\n` : `${line.text}\n`
      )
      .join('');
  }

  private _overfull(lines: number): boolean {
    return lines > this._maxLines || (this._characters > this._maxCharacters && lines > 1);
  }

  private _dropFirst(): void {
    let count = 0;
    while (this._overfull(this._lines.length - count)) {
      this._characters -= this._lines[count++]?.text.length ?? 0;
    }
    if (count > 0) {
      this._lines.splice(0, count);
      this._first += count;
    }
  }

  private _dropLast(): boolean {
    let kept = this._lines.length;
    while (this._overfull(kept)) {
      this._characters -= this._lines[--kept]?.text.length ?? 0;
    }
    const dropped = kept < this._lines.length;
    this._lines.length = kept;
    return dropped;
  }

  private _rank(rank: number | null): RankWriter {
    let writer = this._ranks.get(rank);
    if (!writer) {
      writer = new RankWriter(line => this._put(line));
      this._ranks.set(rank, writer);
    }
    return writer;
  }

  /** Put a line at its place, or at the end; the answer is its place. A place already dropped stays dropped. */
  private _put(line: IPlacedLine): number {
    const place = line.place ?? this.end;
    if (place >= this._first) {
      this._characters += line.line.text.length - (this.get(place)?.text.length ?? 0);
      this._lines[place - this._first] = line.line;
    }
    return place;
  }

  private readonly _maxLines: number;
  private readonly _maxCharacters: number;
  private readonly _ranks = new Map<number | null, RankWriter>();
  private _lines: ILogLine[] = [];
  private _first = 0;
  private _characters = 0;
}

/** A namespace for LogBuffer. */
export namespace LogBuffer {
  /** Options of a LogBuffer. */
  export interface IOptions {
    /** How many lines to keep at most. */
    readonly maxLines: number;
    /** How many UTF-16 units of text to keep at most; unlimited when left out. */
    readonly maxCharacters?: number;
  }
}

/** A line and where it stands; null: at the end. */
interface IPlacedLine {
  readonly place: number | null;
  readonly line: ILogLine;
}

/** What one rank writes: its colours and its open line outlive the pieces. */
class RankWriter implements ITerminalSink {
  constructor(put: (line: IPlacedLine) => number) {
    this._put = put;
  }

  /** Write a piece; the answer is the number of the first line that is new or changed. */
  feed(piece: ILogPiece): number {
    this._piece = piece;
    this._changed = Infinity;
    this._parser.feed(piece.text, this);
    this._flush();
    return this._changed;
  }

  text(text: string, style: string): void {
    let rest = text;
    while (rest.length > this._open().room) {
      const part = this._open().room;
      this._open().write(rest.slice(0, part), style);
      rest = rest.slice(part);
      this.newline();
    }
    this._open().write(rest, style);
  }

  newline(): void {
    this._open();
    this._flush();
    this._writer = null;
    this._place = null;
  }

  carriageReturn(): void {
    this._writer?.carriageReturn();
  }

  backspace(): void {
    this._writer?.backspace();
  }

  tab(): void {
    this.text(' '.repeat(this._open().tabWidth()), '');
  }

  erase(mode: 0 | 1 | 2): void {
    this._writer?.erase(mode);
  }

  private _open(): LineWriter {
    if (!this._writer) {
      this._writer = new LineWriter();
      this._time = this._piece.time;
    }
    return this._writer;
  }

  /** Show the open line as it is now. */
  private _flush(): void {
    if (!this._writer) {
      return;
    }
    const line: ILogLine = {
      rank: this._piece.rank,
      time: this._time,
      text: this._writer.text,
      spans: this._writer.spans
    };
    this._place = this._put({ place: this._place, line });
    this._changed = Math.min(this._changed, this._place);
  }

  private readonly _put: (line: IPlacedLine) => number;
  private readonly _parser = new AnsiParser();
  private _piece: ILogPiece = { rank: null, time: '', text: '' };
  private _writer: LineWriter | null = null;
  private _place: number | null = null;
  private _time = '';
  private _changed = Infinity;
}
