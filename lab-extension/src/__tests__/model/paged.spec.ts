import type { IPage } from '../../model/paged';
import { Paged } from '../../model/paged';
import { failure } from '../fakes';

describe('a list that is read by the page', () => {
  const pages = new Map<string | null, IPage<number>>();
  const read = jest.fn(async (cursor: string | null) => {
    const page = pages.get(cursor);
    return page ? structuredClone(page) : Promise.reject(failure('offline'));
  });
  let list: Paged<number>;
  let changes: number;

  beforeEach(() => {
    read.mockClear();
    pages.clear();
    pages.set(null, { items: [1, 2], next_cursor: 'b' });
    pages.set('b', { items: [3], next_cursor: null });
    list = new Paged(read);
    changes = 0;
    list.changed.connect(() => (changes += 1));
  });

  it('has the first page, then the next, and then no more', async () => {
    await list.refresh();
    expect([list.status, list.items, list.hasMore]).toEqual(['ready', [1, 2], true]);
    await list.more();
    expect([list.items, list.hasMore]).toEqual([[1, 2, 3], false]);
    await list.more();
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('is read again as far as it was read, and says nothing when nothing has changed', async () => {
    await list.refresh();
    await list.more();
    const { items } = list;
    changes = 0;
    await list.refresh();
    expect(list.items).toBe(items);
    expect(changes).toBe(0);
    pages.set('b', { items: [3, 4], next_cursor: null });
    await list.refresh();
    expect(list.items).toEqual([1, 2, 3, 4]);
    expect(changes).toBe(1);
  });

  it('keeps what it has as stale when it cannot be read again', async () => {
    await list.refresh();
    pages.clear();
    await list.refresh();
    expect([list.status, list.items, list.problem?.kind]).toEqual(['stale', [1, 2], 'offline']);
  });

  it('says why there is none', async () => {
    pages.clear();
    await list.refresh();
    expect([list.status, list.problem?.kind]).toEqual(['error', 'offline']);
    read.mockRejectedValueOnce(failure('forbidden', 403));
    await list.refresh();
    expect(list.status).toBe('forbidden');
  });

  it('says why it does not go on, and goes on when asked again', async () => {
    await list.refresh();
    pages.delete('b');
    await list.more();
    expect([list.status, list.moreProblem?.kind, list.items]).toEqual(['ready', 'offline', [1, 2]]);
    pages.set('b', { items: [3], next_cursor: null });
    await list.more();
    expect([list.moreProblem, list.items]).toEqual([null, [1, 2, 3]]);
  });

  it('drops a page that comes after another question', async () => {
    await list.refresh();
    let answer: (page: IPage<number>) => void = () => undefined;
    read.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
    const more = list.more();
    await list.refresh({ fromTop: true });
    answer({ items: [99], next_cursor: null });
    await more;
    expect([list.items, list.isLoadingMore]).toEqual([[1, 2], false]);
  });
});
