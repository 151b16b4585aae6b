/**
 * Which screen row shows which part of which line: one row per line, or several when long lines are wrapped.
 *
 * Wrapping is counted in character cells of a fixed-width font, so that the height of 100,000 lines is known without
 * laying out any of them. Knows no DOM.
 */

/** What is laid out. */
export interface IRowSource {
  readonly first: number;
  readonly end: number;
  get(sequence: number): { readonly text: string } | undefined;
}

/** A part of a line that fills one row. */
export interface IRow {
  /** Sequence number of the line. */
  readonly line: number;
  /** Which of the line's rows this is, from 0. */
  readonly part: number;
  readonly start: number;
  readonly end: number;
}

// Anything outside the blocks whose characters are all one cell wide is measured character by character.
const MAYBE_WIDE = /[^\u0000-\u02ff\u0370-\u058f\u2010-\u2027\u2190-\u21ff\u2500-\u25ff\u2800-\u28ff]/;
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u;
const NARROW_NOTHING = /\p{Mn}|\p{Cf}/u;

/** Where the rows of a line begin when `columns` cells fit in a row. */
export function breaks(text: string, columns: number): number[] {
  if (text.length <= columns && !MAYBE_WIDE.test(text)) {
    return [0];
  }
  const starts = [0];
  if (!MAYBE_WIDE.test(text)) {
    for (let at = columns; at < text.length; at += columns) {
      starts.push(at);
    }
    return starts;
  }
  let at = 0;
  let cells = 0;
  for (const character of text) {
    const width = cellWidth(character);
    if (cells + width > columns && cells > 0) {
      starts.push(at);
      cells = 0;
    }
    cells += width;
    at += character.length;
  }
  return starts;
}

function cellWidth(character: string): number {
  if (character.length === 1 && !MAYBE_WIDE.test(character)) {
    return 1;
  }
  return WIDE.test(character) || character >= '\u{1f300}' ? 2 : NARROW_NOTHING.test(character) ? 0 : 1;
}

/** The rows of a log. Lay it out again with `update` whenever lines have come, changed or gone. */
export class RowMap {
  constructor(source: IRowSource) {
    this._source = source;
  }

  /** How many rows there are. */
  get count(): number {
    return this._columns === null ? this._source.end - this._source.first : this._total;
  }

  /** Wrap at so many cells; null: do not wrap. */
  wrapAt(columns: number | null): void {
    if (columns !== this._columns) {
      this._columns = columns;
      this._starts = [];
      this._total = 0;
      this._first = this._source.first;
      this.update(this._source.first);
    }
  }

  /** Lines from `changed` on are new or changed; lines may be gone or have come before the first one. */
  update(changed: number): void {
    if (this._columns === null) {
      return;
    }
    const { first, end } = this._source;
    if (first < this._first) {
      this._starts = [];
      changed = first;
    } else if (first > this._first) {
      this._dropFirst(first - this._first);
    }
    this._first = first;
    this._starts.length = Math.min(this._starts.length, Math.max(0, changed - first));
    const last = this._starts.length - 1;
    let row = last < 0 ? 0 : (this._starts[last] ?? 0) + this._height(first + last);
    for (let line = first + last + 1; line < end; line++) {
      this._starts.push(row);
      row += this._height(line);
    }
    this._total = row;
  }

  /** The row at this place, from 0; null past the end. */
  row(index: number): IRow | null {
    if (index < 0 || index >= this.count) {
      return null;
    }
    if (this._columns === null) {
      const line = this._source.first + index;
      return { line, part: 0, start: 0, end: this._source.get(line)?.text.length ?? 0 };
    }
    const at = this._lineAt(index);
    const line = this._first + at;
    const text = this._source.get(line)?.text ?? '';
    const starts = breaks(text, this._columns);
    const part = index - (this._starts[at] ?? 0);
    return { line, part, start: starts[part] ?? 0, end: starts[part + 1] ?? text.length };
  }

  /** The first row of a line, or the row that holds this column of it. */
  indexOf(line: number, column = 0): number {
    const at = Math.min(Math.max(line - this._source.first, 0), this._source.end - this._source.first);
    if (this._columns === null) {
      return at;
    }
    const starts = breaks(this._source.get(line)?.text ?? '', this._columns);
    const part = starts.filter(start => start <= column).length - 1;
    return (this._starts[at] ?? this._total) + Math.max(part, 0);
  }

  private _dropFirst(lines: number): void {
    const rows = this._starts[lines] ?? this._total;
    this._starts = this._starts.slice(lines).map(start => start - rows);
  }

  private _height(line: number): number {
    return breaks(this._source.get(line)?.text ?? '', this._columns ?? Infinity).length;
  }

  /** Index of the line that holds a row: the last one that begins at or before it. */
  private _lineAt(row: number): number {
    let low = 0;
    let high = this._starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this._starts[middle] ?? 0) <= row) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  private readonly _source: IRowSource;
  private _columns: number | null = null;
  private _starts: number[] = [];
  private _total = 0;
  private _first = 0;
}
