/**
 * One line of a terminal while it is written: carriage returns and backspaces overwrite, erasing erases.
 *
 * A progress bar redraws its line thousands of times; only what is left standing is kept. Columns are counted in
 * UTF-16 units, as the text is.
 */

/** A stretch of a line with a style. */
export interface IStyledSpan {
  readonly start: number;
  readonly end: number;
  /** Class names. */
  readonly style: string;
}

/** Longer lines are broken into several, so that one line cannot hold up the page. */
export const LONGEST_LINE = 8192;

const TAB_WIDTH = 8;

/** A line that is being written. */
export class LineWriter {
  /** What stands in the line now. */
  get text(): string {
    return this._text;
  }

  /** The styled stretches of the line, in order. */
  get spans(): readonly IStyledSpan[] {
    return this._spans;
  }

  /** How much more fits at the cursor before the line must be broken. */
  get room(): number {
    return LONGEST_LINE - this._column;
  }

  /** Write at the cursor, over what stands there. */
  write(text: string, style: string): void {
    const start = this._column;
    const end = start + text.length;
    if (start === this._text.length) {
      this._text += text;
    } else {
      const before = this._text.slice(0, start).padEnd(start);
      this._text = before + text + this._text.slice(end);
      this._spans = without(this._spans, start, end);
    }
    if (style) {
      this._spans = including(this._spans, { start, end, style });
    }
    this._column = end;
  }

  /** Put the cursor at the start of the line. */
  carriageReturn(): void {
    this._column = 0;
  }

  /** Put the cursor one place back. */
  backspace(): void {
    this._column = Math.max(0, this._column - 1);
  }

  /** How many columns a tab takes here. */
  tabWidth(): number {
    return Math.min(TAB_WIDTH - (this._column % TAB_WIDTH), this.room);
  }

  /** Erase from the cursor on (0), up to the cursor (1), or all (2); the cursor stays. */
  erase(mode: 0 | 1 | 2): void {
    const end = this._text.length;
    if (mode === 1) {
      const upTo = Math.min(this._column, end);
      this._text = ' '.repeat(upTo) + this._text.slice(upTo);
      this._spans = without(this._spans, 0, upTo);
    } else {
      const from = mode === 0 ? this._column : 0;
      this._text = this._text.slice(0, from);
      this._spans = without(this._spans, from, end);
    }
  }

  private _text = '';
  private _column = 0;
  private _spans: IStyledSpan[] = [];
}

/** The spans, cut out of [start, end). */
function without(spans: readonly IStyledSpan[], start: number, end: number): IStyledSpan[] {
  const kept: IStyledSpan[] = [];
  for (const span of spans) {
    if (span.start < start) {
      kept.push({ ...span, end: Math.min(span.end, start) });
    }
    if (span.end > end) {
      kept.push({ ...span, start: Math.max(span.start, end) });
    }
  }
  return kept;
}

/** The spans with one more, which overlaps none of them, in order and joined to a neighbour of the same style. */
function including(spans: readonly IStyledSpan[], added: IStyledSpan): IStyledSpan[] {
  const joined: IStyledSpan[] = [];
  for (const span of [...spans, added].sort((a, b) => a.start - b.start)) {
    const last = joined[joined.length - 1];
    if (last?.end === span.start && last.style === span.style) {
      joined[joined.length - 1] = { ...last, end: span.end };
    } else {
      joined.push(span);
    }
  }
  return joined;
}
