import { diffLines, pairLines } from '../../../pages/job/diff/lines';
import { groupCells } from '../../../pages/job/diff/view';

function signs(then: string, now: string): string[] {
  const sign = { same: ' ', removed: '-', added: '+' };
  return diffLines(then, now).map(({ kind, text }) => sign[kind] + text);
}

describe('the difference of two texts', () => {
  it.each([
    ['nothing', '', '', []],
    ['the same', 'a\nb', 'a\nb', [' a', ' b']],
    ['a new text', '', 'a\nb', ['+a', '+b']],
    ['a text that is gone', 'a\nb', '', ['-a', '-b']],
    ['a line in between', 'a\nc', 'a\nb\nc', [' a', '+b', ' c']],
    ['a changed line', 'a\nb\nc', 'a\nX\nc', [' a', '-b', '+X', ' c']],
    ['lines that moved', 'a\nb\nc', 'c\na\nb', ['+c', ' a', ' b', '-c']],
    ['repeated lines', 'a\na\nb', 'a\nb', [' a', '-a', ' b']]
  ])('shows %s', (_, then, now, expected) => {
    expect(signs(then, now)).toEqual(expected);
  });

  it('numbers the lines of both', () => {
    expect(diffLines('a\nb', 'b\nc').map(({ then, now }) => [then, now])).toEqual([
      [1, null],
      [2, 1],
      [null, 2]
    ]);
  });

  it('holds both texts whole, whatever they are', () => {
    let seed = 3;
    const next = (most: number): number => (seed = (Math.imul(seed, 48_271) >>> 0) % 2_147_483_647) % most;
    for (let round = 0; round < 200; round++) {
      const text = (): string => Array.from({ length: 1 + next(12) }, () => 'abc'[next(3)]).join('\n');
      const [then, now] = [text(), text()];
      const lines = diffLines(then, now);
      const of = (side: 'then' | 'now'): string =>
        lines
          .filter(line => line[side] !== null)
          .map(line => line.text)
          .join('\n');
      expect([of('then'), of('now')]).toEqual([then, now]);
    }
  });

  it('takes very long texts as replaced rather than hold up the page', () => {
    const long = (letter: string): string =>
      Array.from({ length: 5000 }, (_, at) => `${letter}${at}`).join('\n');

    expect(diffLines(long('a'), long('b'))).toHaveLength(10_000);
  });

  it('puts a removed line beside the one that took its place', () => {
    const pairs = pairLines(diffLines('a\nb\nc', 'a\nX\nY\nc'));

    expect(pairs.map(({ left, right }) => [left?.text, right?.text])).toEqual([
      ['a', 'a'],
      ['b', 'X'],
      [undefined, 'Y'],
      ['c', 'c']
    ]);
  });
});

it('counts cells that are the same between those that are not', () => {
  const cell = (change: string) => ({
    change,
    cell_type: 'code',
    then_index: 0,
    now_index: 0,
    then_source: '',
    now_source: ''
  });
  const groups = groupCells(['same', 'same', 'added', 'same'].map(cell));

  expect(groups.map(group => (typeof group === 'number' ? group : group.change))).toEqual([2, 'added', 1]);
});
