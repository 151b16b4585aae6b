import { LogBuffer } from '../../../../pages/job/log/buffer';
import { breaks, RowMap } from '../../../../pages/job/log/rows';
import { LogSearch, MOST_HITS, occurrences } from '../../../../pages/job/log/search';

function filled(text: string, maxLines = 1000): LogBuffer {
  const log = new LogBuffer({ maxLines });
  add(log, text);
  return log;
}

function add(log: LogBuffer, text: string): number {
  return log.append([{ rank: 0, time: '', text }]);
}

function rows(map: RowMap, log: LogBuffer): string[] {
  return Array.from({ length: map.count }, (_, at) => {
    const row = map.row(at);
    return row ? (log.get(row.line)?.text.slice(row.start, row.end) ?? '') : '';
  });
}

describe('wrapping', () => {
  it.each([
    ['an empty line', '', [0]],
    ['a line that fits', 'abcd', [0]],
    ['a line that does not', 'abcdefghij', [0, 4, 8]],
    ['a line that fills rows', 'abcdefgh', [0, 4]],
    ['wide characters', '漢字漢字漢', [0, 2, 4]],
    ['an accent that takes no place', 'e\u0301e\u0301e\u0301e\u0301e', [0, 8]],
    ['an emoji that must not be cut in two', 'abc😀d', [0, 3]]
  ])('cuts %s', (_, text, starts) => {
    expect(breaks(text, 4)).toEqual(starts);
  });

  it('shows every line in one row when it is off', () => {
    const log = filled('abcdefgh\nij\n');
    const map = new RowMap(log);

    expect(rows(map, log)).toEqual(['abcdefgh', 'ij']);
    expect(map.indexOf(1)).toBe(1);
  });

  it('shows long lines in several rows and finds a place in them', () => {
    const log = filled('abcdefgh\nij\nklmno\n');
    const map = new RowMap(log);
    map.wrapAt(4);

    expect(rows(map, log)).toEqual(['abcd', 'efgh', 'ij', 'klmn', 'o']);
    expect([map.indexOf(0, 5), map.indexOf(1), map.indexOf(2, 4)]).toEqual([1, 2, 4]);
  });

  it('keeps up with lines that come, change and go', () => {
    const log = filled('abcdefgh\nij', 3);
    const map = new RowMap(log);
    map.wrapAt(4);
    map.update(add(log, 'klm\nn\n'));
    expect(rows(map, log)).toEqual(['abcd', 'efgh', 'ijkl', 'm', 'n']);
    map.update(add(log, 'opqrs\n'));
    expect(rows(map, log)).toEqual(['ijkl', 'm', 'n', 'opqr', 's']);
    log.prepend([]);
    map.update(log.first);
    expect(rows(map, log)).toEqual(['ijkl', 'm', 'n', 'opqr', 's']);
  });

  it('is the same after any history as laid out afresh', () => {
    const log = new LogBuffer({ maxLines: 40 });
    const map = new RowMap(log);
    map.wrapAt(7);
    for (let step = 0; step < 200; step++) {
      const text = 'x'.repeat((step * 31) % 23) + (step % 3 === 0 ? '' : '\n');
      map.update(add(log, text));
      const fresh = new RowMap(log);
      fresh.wrapAt(7);
      expect(rows(map, log)).toEqual(rows(fresh, log));
      expect(map.indexOf(log.end - 1)).toBe(fresh.indexOf(log.end - 1));
    }
  });

  it('lays out earlier lines when they come', () => {
    const log = filled('ccccc\n');
    const map = new RowMap(log);
    map.wrapAt(4);
    log.prepend([{ rank: 0, time: '', text: 'aaaaa\nb\n' }]);
    map.update(log.first);

    expect(rows(map, log)).toEqual(['aaaa', 'a', 'b', 'cccc', 'c']);
  });
});

describe('search', () => {
  it.each([
    ['nothing', 'abc', '', []],
    ['what is not there', 'abc', 'x', []],
    [
      'without regard to case',
      'Loss loss LOSS',
      'loss',
      [
        [0, 4],
        [5, 9],
        [10, 14]
      ]
    ],
    [
      'places that do not overlap',
      'aaaa',
      'aa',
      [
        [0, 2],
        [2, 4]
      ]
    ],
    ['signs as they are', 'a.c abc', 'a.c', [[0, 3]]],
    ['letters whose lower case is longer', 'İx error', 'ERROR', [[3, 8]]]
  ])('finds %s', (_, text, needle, expected) => {
    expect(occurrences(text, needle)).toEqual(expected);
  });

  it('stands on the first hit from where one looks', () => {
    const search = new LogSearch(filled('hit\nmiss\nhit\nhit\n'));
    search.start('hit', 1);

    expect([search.count, search.current, search.currentHit?.line]).toEqual([3, 1, 2]);
  });

  it('stands on the last hit when there is none further on', () => {
    const search = new LogSearch(filled('hit\nmiss\n'));
    search.start('hit', 1);

    expect(search.currentHit?.line).toBe(0);
  });

  it('goes round at both ends', () => {
    const search = new LogSearch(filled('hit hit\nhit\n'));
    search.start('hit', 0);

    expect(search.step(-1)).toEqual({ line: 1, start: 0, end: 3 });
    expect(search.step(1)).toEqual({ line: 0, start: 0, end: 3 });
    expect(search.step(1)).toEqual({ line: 0, start: 4, end: 7 });
  });

  it('finds new lines and stays on its hit', () => {
    const log = filled('hit\nhi', 3);
    const search = new LogSearch(log);
    search.start('hit', 0);
    search.update(add(log, 't\nhit\n'));

    expect([search.count, search.current]).toEqual([3, 0]);
  });

  it('forgets hits in lines that are gone', () => {
    const log = filled('hit 0\nhit 1\nhit 2\n', 3);
    const search = new LogSearch(log);
    search.start('hit', 1);
    search.update(add(log, 'x\ny\n'));

    expect(search.count).toBe(1);
    expect(search.currentHit?.line).toBe(2);
  });

  it('keeps a bounded number of hits and says that there are more', () => {
    const search = new LogSearch(filled('a'.repeat(8000).concat('\n').repeat(4)));
    search.start('a', 0);

    expect([search.count, search.truncated]).toEqual([MOST_HITS, true]);
  });
});
