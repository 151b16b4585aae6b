/**
 * Where a text occurs in the lines of a log, kept up to date while lines come and go.
 *
 * Only lines that are new or changed are searched again. Knows no DOM; columns are UTF-16 units.
 */

/** One place where the text occurs. */
export interface ILogHit {
  /** Sequence number of the line. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** What is searched. */
export interface ISearchable {
  readonly first: number;
  readonly end: number;
  get(sequence: number): { readonly text: string } | undefined;
}

/** More hits than this are not kept: nobody steps through them, and memory is bounded. */
export const MOST_HITS = 20_000;

/** All places in one line where `needle` occurs, ignoring case. */
export function occurrences(text: string, needle: string): [start: number, end: number][] {
  return needle ? matches(text, patternOf(needle)) : [];
}

/** The text as a pattern: unlike lower-casing every line, that copies nothing and keeps every column. */
function patternOf(needle: string): RegExp {
  return new RegExp(needle.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'gi');
}

function matches(text: string, pattern: RegExp): [start: number, end: number][] {
  const found: [number, number][] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    found.push([match.index, pattern.lastIndex]);
  }
  return found;
}

/** The hits of one text in a log. */
export class LogSearch {
  constructor(lines: ISearchable) {
    this._lines = lines;
  }

  /** The text searched for; empty when there is no search. */
  get needle(): string {
    return this._needle;
  }

  /** How many hits are kept. */
  get count(): number {
    return this._hits.length;
  }

  /** Whether there are more hits than are kept. */
  get truncated(): boolean {
    return this._truncated;
  }

  /** Index of the hit one stands on, or -1. */
  get current(): number {
    return this._current;
  }

  /** The hit one stands on. */
  get currentHit(): ILogHit | null {
    return this._hits[this._current] ?? null;
  }

  /** Search for another text, and stand on the first hit at or after line `near`, else on the last. */
  start(needle: string, near: number): void {
    this._needle = needle;
    this._hits = [];
    this._truncated = false;
    this._scan(this._lines.first);
    this._current = this._indexNear({ line: near, start: 0, end: 0 });
  }

  /** Lines from `changed` on are new or changed, and lines before the first one are gone. */
  update(changed: number): void {
    if (!this._needle) {
      return;
    }
    const stood = this.currentHit;
    const kept = this._hits.filter(hit => hit.line >= this._lines.first && hit.line < changed);
    this._hits = kept;
    if (!this._truncated) {
      this._scan(changed);
    }
    this._current = stood ? this._indexNear(stood) : this._hits.length - 1;
  }

  /** Stand on the next hit (1) or the one before (-1), round and round; the answer is that hit. */
  step(direction: 1 | -1): ILogHit | null {
    const count = this._hits.length;
    if (count > 0) {
      this._current = (this._current + direction + count) % count;
    }
    return this.currentHit;
  }

  private _scan(from: number): void {
    if (!this._needle) {
      return;
    }
    const pattern = patternOf(this._needle);
    for (let line = Math.max(from, this._lines.first); line < this._lines.end; line++) {
      for (const [start, end] of matches(this._lines.get(line)?.text ?? '', pattern)) {
        if (this._hits.length >= MOST_HITS) {
          this._truncated = true;
          return;
        }
        this._hits.push({ line, start, end });
      }
    }
  }

  private _indexNear(hit: ILogHit): number {
    const at = this._hits.findIndex(
      other => other.line > hit.line || (other.line === hit.line && other.start >= hit.start)
    );
    return at === -1 ? this._hits.length - 1 : at;
  }

  private readonly _lines: ISearchable;
  private _needle = '';
  private _hits: ILogHit[] = [];
  private _current = -1;
  private _truncated = false;
}
