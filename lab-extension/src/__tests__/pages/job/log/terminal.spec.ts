import { AnsiParser } from '../../../../pages/job/log/ansi';
import type { ILogPiece } from '../../../../pages/job/log/buffer';
import { LogBuffer } from '../../../../pages/job/log/buffer';
import { LONGEST_LINE } from '../../../../pages/job/log/line';

const ESC = '\u001b';

/** A small random generator, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function piece(text: string, rank: number | null = 0): ILogPiece {
  return { rank, time: '2026-11-23T05:31:00.000Z', text };
}

function buffer(maxLines = 1000): LogBuffer {
  return new LogBuffer({ maxLines });
}

function lines(log: LogBuffer): string[] {
  return Array.from({ length: log.length }, (_, at) => log.get(log.first + at)?.text ?? '');
}

function read(...texts: string[]): string[] {
  const log = buffer();
  texts.forEach(text => log.append([piece(text)]));
  return lines(log);
}

describe('what a terminal would show', () => {
  it.each([
    ['lines', 'one\ntwo\n', ['one', 'two']],
    ['a line without an end', 'one\ntw', ['one', 'tw']],
    ['empty lines', 'a\n\n\nb\n', ['a', '', '', 'b']],
    ['Windows line ends', 'a\r\nb\r\n', ['a', 'b']],
    ['a progress bar', ' 10%\r 50%\r100%\n', ['100%']],
    ['what a shorter text leaves standing', 'abcdef\rxy\n', ['xycdef']],
    ['erasing to the end of the line', `abcdef\rxy${ESC}[K\n`, ['xy']],
    ['erasing up to the cursor', `abc${ESC}[1Kd\n`, ['   d']],
    ['erasing the whole line', `abc${ESC}[2K\rd\n`, ['d']],
    ['backspaces', 'abc\b\bX\n', ['aXc']],
    ['tabs', 'a\tb\n', ['a       b']],
    ['bells and nulls', 'a\u0007b\u0000c\n', ['abc']],
    ['a title and a link', `${ESC}]0;title\u0007a${ESC}]8;;http://x${ESC}\\b${ESC}]8;;${ESC}\\\n`, ['ab']],
    ['moving the cursor', `a${ESC}[3Ab${ESC}[10;5Hc\n`, ['abc']],
    ['a broken sequence', `a${ESC}[1;\nb\n`, ['a', 'b']],
    ['a title without an end', `a${ESC}]0;title\nb\n`, ['a', 'b']]
  ])('keeps %s', (_, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it('breaks a line that is too long, and loses nothing of it', () => {
    const text = 'abcdefghij'.repeat(2000);

    const broken = read(`${text}\n`);

    expect(broken.every(line => line.length <= LONGEST_LINE)).toBe(true);
    expect(broken.join('')).toBe(text);
  });

  it('gives up on a sequence that never ends', () => {
    const shown = read(`${ESC}]${'x'.repeat(10_000)}`, 'end\n');

    expect(shown.join('')).toContain('end');
  });
});

describe('colours', () => {
  function styles(text: string): [string, string][] {
    const log = buffer();
    log.append([piece(text)]);
    const line = log.get(0);
    return (line?.spans ?? []).map(({ start, end, style }) => [
      line?.text.slice(start, end) ?? '',
      style.replaceAll('jp-WindlassAnsi-', '')
    ]);
  }

  it.each([
    ['one of eight', '31', 'fg1'],
    ['a bright one', '91', 'fg9'],
    ['a background', '42', 'bg2'],
    ['a bright background', '102', 'bg10'],
    ['weight with colour', '1;34', 'bold fg4'],
    ['one of 256 among the first sixteen', '38;5;9', 'fg9'],
    ['a dark one of 256', '38;5;124', 'fg1'],
    ['a grey one of 256', '38;5;240', 'fg8'],
    ['a true colour', '38;2;255;40;40', 'fg9'],
    ['a true colour as background', '48;2;0;0;120', 'bg4'],
    ['a colour after an extended one', '38;5;9;4', 'underline fg9']
  ])('knows %s', (_, code, expected) => {
    expect(styles(`${ESC}[${code}mx${ESC}[0m y`)).toEqual([['x', expected]]);
  });

  it('ends a colour where it is told to, and keeps the weight', () => {
    expect(styles(`${ESC}[1;31mab${ESC}[39mc${ESC}[22md`)).toEqual([
      ['ab', 'bold fg1'],
      ['c', 'bold']
    ]);
  });

  it('carries a colour over to the next line', () => {
    const log = buffer();
    log.append([piece(`${ESC}[31mred\nstill red`)]);

    expect(log.get(1)?.spans).toEqual([{ start: 0, end: 9, style: 'jp-WindlassAnsi-fg1' }]);
  });

  it('is overwritten with the text', () => {
    expect(styles(`${ESC}[31mabcdef${ESC}[0m\r${ESC}[32mxy${ESC}[0mz`)).toEqual([
      ['xy', 'fg2'],
      ['def', 'fg1']
    ]);
  });
});

describe('output in pieces', () => {
  const alphabet = [
    'a',
    'word ',
    '\n',
    '\r',
    '\r\n',
    '\t',
    '\b',
    'é',
    '漢',
    `${ESC}[31m`,
    `${ESC}[0m`,
    `${ESC}[K`,
    `${ESC}]8;;x${ESC}\\`,
    `${ESC}[38;5;200m`,
    `${ESC}[`,
    ESC,
    `${ESC}]`
  ];

  it('gives the same lines however it is cut', () => {
    const next = random(7);
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 60 }, () => alphabet[Math.floor(next() * alphabet.length)]).join('');
      const whole = buffer();
      whole.append([piece(text)]);
      const cut = buffer();
      for (let at = 0; at < text.length;) {
        const length = 1 + Math.floor(next() * 7);
        cut.append([piece(text.slice(at, at + length))]);
        at += length;
      }
      const shown = (log: LogBuffer) => Array.from({ length: log.length }, (_, at) => log.get(at));
      expect(shown(cut)).toEqual(shown(whole));
    }
  });

  it('tells the same to a sink that is fed one character at a time', () => {
    const heard: string[] = [];
    const sink = {
      text: (text: string, style: string) => heard.push(`${text}|${style}`),
      newline: () => heard.push('newline'),
      carriageReturn: () => heard.push('return'),
      backspace: () => heard.push('back'),
      tab: () => heard.push('tab'),
      erase: (mode: number) => heard.push(`erase ${mode}`)
    };
    const parser = new AnsiParser();

    for (const character of `${ESC}[31mx${ESC}[2K\r\n`) {
      parser.feed(character, sink);
    }

    expect(heard).toEqual(['x|jp-WindlassAnsi-fg1', 'erase 2', 'return', 'newline']);
  });

  it('keeps ranks apart that write at the same time', () => {
    const log = buffer();
    log.append([
      piece('zero ', 0),
      piece('one ', 1),
      piece('goes on\n', 0),
      piece('too\n', 1),
      piece('last', null)
    ]);

    expect(lines(log)).toEqual(['zero goes on', 'one too', 'last']);
    expect([0, 1, 2].map(at => log.get(at)?.rank)).toEqual([0, 1, null]);
  });
});

describe('a bounded log', () => {
  it('drops the oldest lines and keeps the numbers of the others', () => {
    const log = buffer(3);
    log.append([piece('0\n1\n2\n3\n4\n')]);

    expect([log.first, log.end]).toEqual([2, 5]);
    expect(lines(log)).toEqual(['2', '3', '4']);
    expect(log.get(1)).toBeUndefined();
  });

  it('is bounded in characters too', () => {
    const log = new LogBuffer({ maxLines: 100, maxCharacters: 25 });
    log.append([piece(`${'x'.repeat(10)}\n`.repeat(5))]);

    expect(log.length).toBe(2);
  });

  it('says which line is the first that changed', () => {
    const log = buffer();

    expect(log.append([piece('a\nb')])).toBe(0);
    expect(log.append([piece('c\nd\n')])).toBe(1);
    expect(log.append([piece('e', 1), piece('f', 0)])).toBe(3);
    expect(log.append([piece('g', 1)])).toBe(3);
  });

  it('makes a new object of a line that changes, and of no other', () => {
    const log = buffer();
    log.append([piece('done\nopen')]);
    const [done, open] = [log.get(0), log.get(1)];
    log.append([piece(' line')]);

    expect(log.get(0)).toBe(done);
    expect(log.get(1)).not.toBe(open);
    expect(log.get(1)?.text).toBe('open line');
  });

  it('forgets an open line that was dropped', () => {
    const log = buffer(2);
    log.append([piece('open', 1), piece('a\nb\nc\n', 0), piece(' goes on\n', 1)]);

    expect(lines(log)).toEqual(['b', 'c']);
  });

  it('takes earlier output before its first line', () => {
    const log = buffer();
    log.append([piece('c\nd\n')]);
    const dropped = log.prepend([piece('a\nb\n')]);
    log.append([piece('e\n')]);

    expect(dropped).toBe(false);
    expect(lines(log)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([log.first, log.get(0)?.text]).toEqual([-2, 'c']);
  });

  it('drops the end to make room for the beginning, and says so', () => {
    const log = buffer(3);
    log.append([piece('c\nd\n')]);

    expect(log.prepend([piece('a\nb\n')])).toBe(true);
    expect(lines(log)).toEqual(['a', 'b', 'c']);
  });

  it('is written out with ranks when asked', () => {
    const log = buffer();
    log.append([piece('a\n', 1), piece('b\n', null)]);

    expect(log.toText({ ranks: true })).toBe('[rank 1] a\nb\n');
    expect(log.toText({ ranks: false })).toBe('a\nb\n');
  });
});
