/**
 * What the control characters and escape sequences of a terminal mean, cut out of a stream that arrives in pieces.
 *
 * Colours become class names, so that a theme decides how they look; 256 and true colours become the nearest of the
 * sixteen, because a job cannot know on which background it is read. Knows no lines, no ranks, no DOM.
 */

/** What a stream says, in order. */
export interface ITerminalSink {
  /** Text to write at the cursor; `style` is a list of class names, empty for plain text. */
  text(text: string, style: string): void;
  newline(): void;
  carriageReturn(): void;
  backspace(): void;
  tab(): void;
  /** Erase in the line: 0 from the cursor on, 1 up to the cursor, 2 all of it. */
  erase(mode: 0 | 1 | 2): void;
}

/** An escape sequence longer than this is not one. */
const LONGEST_SEQUENCE = 4096;

const CONTROL = /[\x00-\x1f\x7f]/g;
const CSI = /\x1b\[([0-?]*)([ -/]*)([@-~])/y;
const CSI_BEGUN = /\x1b\[[0-?]*[ -/]*/y;
const STRING = /\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)/y;
const STRING_BEGUN = /\x1b[\]PX^_][^\x07\x1b\n]*(\x1b?)/y;
const SHORT = /\x1b[ -/]*[0-~]/y;
const SHORT_BEGUN = /\x1b[ -/]*/y;

/** Splits a terminal stream; whatever the pieces it is fed in, the sink hears the same. */
export class AnsiParser {
  /** Take the next piece of the stream. */
  feed(chunk: string, sink: ITerminalSink): void {
    const text = this._pending + chunk;
    this._pending = '';
    let at = 0;
    while (at < text.length) {
      CONTROL.lastIndex = at;
      const found = CONTROL.exec(text)?.index ?? text.length;
      if (found > at) {
        sink.text(text.slice(at, found), this._style.classes);
      }
      if (found === text.length) {
        return;
      }
      if (text[found] === '\x1b') {
        const length = this._sequence(text, found, sink);
        if (length === 0) {
          this._pending = text.slice(found);
          return;
        }
        at = found + length;
      } else {
        control(text[found] ?? '', sink);
        at = found + 1;
      }
    }
  }

  /** Length of the escape sequence at `at`, carried out; 0 when its end has not arrived yet. */
  private _sequence(text: string, at: number, sink: ITerminalSink): number {
    const next = text[at + 1];
    if (next === undefined) {
      return 0;
    }
    if (next === '[') {
      return this._controlSequence(text, at, sink);
    }
    if (']PX^_'.includes(next)) {
      return whole(STRING, STRING_BEGUN, text, at);
    }
    return whole(SHORT, SHORT_BEGUN, text, at);
  }

  private _controlSequence(text: string, at: number, sink: ITerminalSink): number {
    const length = whole(CSI, CSI_BEGUN, text, at);
    const parts = match(CSI, text, at);
    if (parts?.[0].length === length && parts[2] === '') {
      const parameters = parts[1] ?? '';
      if (parts[3] === 'm') {
        this._style.apply(parameters);
      } else if (parts[3] === 'K' && /^[012]?$/.test(parameters)) {
        sink.erase(Number(parameters) as 0 | 1 | 2);
      }
    }
    return length;
  }

  private _pending = '';
  private readonly _style = new Style();
}

function control(character: string, sink: ITerminalSink): void {
  if (character === '\n') {
    sink.newline();
  } else if (character === '\r') {
    sink.carriageReturn();
  } else if (character === '\b') {
    sink.backspace();
  } else if (character === '\t') {
    sink.tab();
  }
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** How much to take as one sequence: all of it, what is malformed, or 0 to wait for more. */
function whole(complete: RegExp, begun: RegExp, text: string, at: number): number {
  const done = match(complete, text, at);
  if (done && done[0].length <= LONGEST_SEQUENCE) {
    return done[0].length;
  }
  const start = match(begun, text, at);
  const escape = start?.[1] ? 1 : 0;
  const length = (start?.[0].length ?? 1) - escape;
  if (length > LONGEST_SEQUENCE) {
    return 2;
  }
  return at + length + escape >= text.length ? 0 : Math.max(length, 1);
}

const FLAGS: Readonly<Record<number, readonly [flag: string, on: boolean]>> = {
  1: ['bold', true],
  2: ['dim', true],
  3: ['italic', true],
  4: ['underline', true],
  7: ['inverse', true],
  9: ['strike', true],
  23: ['italic', false],
  24: ['underline', false],
  27: ['inverse', false],
  29: ['strike', false]
};

/** The graphic rendition now in force. */
class Style {
  classes = '';

  /** Carry out the parameters of one `m` sequence, as `1;31`. */
  apply(parameters: string): void {
    const codes = parameters.split(/[;:]/).map(code => Number(code || 0));
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i] ?? 0;
      if (code === 38 || code === 48) {
        const [colour, used] = extended(codes, i + 1);
        this._setColour(code === 38 ? 'fg' : 'bg', colour);
        i += used;
      } else {
        this._apply(code);
      }
    }
    this.classes = this._describe();
  }

  private _apply(code: number): void {
    const flag = FLAGS[code];
    if (flag) {
      this._setFlag(...flag);
    } else if (code === 0) {
      this._flags.clear();
      this._setColour('fg', null);
      this._setColour('bg', null);
    } else if (code === 22) {
      this._setFlag('bold', false);
      this._setFlag('dim', false);
    } else {
      this._applyColour(code);
    }
  }

  private _applyColour(code: number): void {
    const tens = Math.floor(code / 10);
    const ones = code % 10;
    const ground = tens === 3 || tens === 9 ? 'fg' : tens === 4 || tens === 10 ? 'bg' : null;
    if (ground && ones < 8) {
      this._setColour(ground, tens >= 9 ? ones + 8 : ones);
    } else if (code === 39 || code === 49) {
      this._setColour(code === 39 ? 'fg' : 'bg', null);
    }
  }

  private _setFlag(flag: string, on: boolean): void {
    if (on) {
      this._flags.add(flag);
    } else {
      this._flags.delete(flag);
    }
  }

  private _setColour(ground: 'fg' | 'bg', colour: number | null): void {
    this._colours[ground] = colour;
  }

  private _describe(): string {
    const names = [...this._flags].sort().map(flag => `jp-WindlassAnsi-${flag}`);
    for (const ground of ['fg', 'bg'] as const) {
      const colour = this._colours[ground];
      if (colour !== null) {
        names.push(`jp-WindlassAnsi-${ground}${colour}`);
      }
    }
    return names.join(' ');
  }

  private readonly _flags = new Set<string>();
  private readonly _colours: { fg: number | null; bg: number | null } = {
    fg: null,
    bg: null
  };
}

/** The colour that `5;n` or `2;r;g;b` at `at` names, as one of sixteen, and how many codes it took. */
function extended(codes: readonly number[], at: number): [number | null, number] {
  if (codes[at] === 5) {
    return [indexed(codes[at + 1] ?? 0), 2];
  }
  if (codes[at] === 2) {
    return [nearest(codes[at + 1] ?? 0, codes[at + 2] ?? 0, codes[at + 3] ?? 0), 4];
  }
  return [null, 0];
}

function indexed(index: number): number {
  if (index < 16) {
    return index;
  }
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return nearest(grey, grey, grey);
  }
  const level = (part: number): number => (part === 0 ? 0 : 55 + part * 40);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

/** The nearest of the sixteen: hue by the channels that stand out, brightness by the strongest one. */
function nearest(red: number, green: number, blue: number): number {
  const strongest = Math.max(red, green, blue);
  const weakest = Math.min(red, green, blue);
  if (strongest - weakest < 48) {
    return strongest < 64 ? 0 : strongest < 140 ? 8 : strongest < 210 ? 7 : 15;
  }
  const middle = (strongest + weakest) / 2;
  const hue = (red > middle ? 1 : 0) + (green > middle ? 2 : 0) + (blue > middle ? 4 : 0);
  return strongest > 200 ? hue + 8 : hue;
}
