import { waitFor } from '@testing-library/react';
import { WindlassError } from '../../api/errors';
import { RunsModel } from '../../model/runs';
import { RunRows } from '../../model/runRows';
import { SettingsModel } from '../../model/settings';
import type { IFakeTracked } from '../experiments';
import { fakeTracked, makePage, makeRun } from '../experiments';
import { failure, makeProblem } from '../fakes';

describe('the runs of an experiment', () => {
  let model: RunsModel;
  let tracked: IFakeTracked;

  const open = async (runs = [makeRun('a'), makeRun('b')], arrange: () => void = () => undefined) => {
    tracked = fakeTracked(runs);
    arrange();
    model = new RunsModel({ experimentId: '1', settings: new SettingsModel(), tracked });
    model.setSeen(true);
    await waitFor(() => expect(model.status).not.toBe('loading'));
  };
  const keys = () => model.rows.map(row => row.key);
  const asked = () => tracked.client.search.mock.calls.map(([question]) => question);

  afterEach(() => model.dispose());

  it('asks nothing before it is seen', async () => {
    tracked = fakeTracked();
    model = new RunsModel({ experimentId: '1', settings: new SettingsModel(), tracked });
    expect(tracked.client.search).not.toHaveBeenCalled();
    expect(tracked.client.columns).not.toHaveBeenCalled();
  });

  it('shows what was read before at once, and then what is so now', async () => {
    const old = new Date(Date.now() - 3_600_000).toISOString();
    await open([], () =>
      tracked.client.search
        .mockResolvedValueOnce(makePage([makeRun('old')], { read_at: old }))
        .mockResolvedValueOnce(makePage([makeRun('new')]))
    );
    await waitFor(() => expect(keys()).toEqual(['new']));
    expect(asked().map(question => question.cached)).toEqual([true, false, undefined]);
  });

  it('asks only for the columns in view, and for none that are taken away', async () => {
    await open();
    expect(asked()[0]?.columns).toEqual(['metrics.accuracy', 'params.lr']);
    const before = asked().length;
    model.setView({ columns: ['metrics.accuracy'] });
    expect(asked()).toHaveLength(before);
    model.setView({ columns: ['metrics.accuracy', 'metrics.loss'] });
    await waitFor(() => expect(asked().at(before)?.columns).toEqual(['metrics.accuracy', 'metrics.loss']));
  });

  it('goes on where the page ended, once, and takes no run twice', async () => {
    await open([], () =>
      tracked.client.search.mockImplementation(async ({ cursor }) =>
        cursor
          ? makePage([makeRun('b'), makeRun('c')])
          : makePage([makeRun('a'), makeRun('b')], { next_cursor: 'n' })
      )
    );
    await Promise.all([model.more(), model.more()]);
    expect(keys()).toEqual(['a', 'b', 'c']);
    expect(asked().filter(question => question.cursor === 'n')).toHaveLength(1);
    expect(model.hasMore).toBe(false);
  });

  it('keeps the rows and says why when a page cannot be read', async () => {
    await open([], () =>
      tracked.client.search.mockImplementation(async ({ cursor }) =>
        cursor ? Promise.reject(failure('problem', 502)) : makePage([makeRun('a')], { next_cursor: 'n' })
      )
    );
    await model.more();
    expect(model.moreProblem?.status).toBe(502);
    expect(keys()).toEqual(['a']);
    tracked.client.search.mockResolvedValue(makePage([makeRun('b')]));
    await model.more();
    expect(keys()).toEqual(['a', 'b']);
  });

  it('groups nested runs under theirs, read when they are opened', async () => {
    await open([makeRun('a'), makeRun('b'), makeRun('a1', { parent_id: 'a' })]);
    const isParent = () => model.rows.map(row => row.kind === 'run' && row.isParent);
    await waitFor(() => expect(isParent()).toEqual([true, false]));
    model.expand('a', true);
    await waitFor(() => expect(keys()).toEqual(['a', 'a/a1', 'b']));
    model.expand('a', false);
    expect(keys()).toEqual(['a', 'b']);
  });

  it('shows what a run that goes on nests under itself later', async () => {
    const runs = [makeRun('a', { status: 'RUNNING' }), makeRun('b')];
    await open(runs);
    const isParent = () => model.rows.map(row => row.kind === 'run' && row.isParent);
    await waitFor(() => expect(isParent()).toEqual([false, false]));
    model.expand('a', true);
    await waitFor(() => expect(keys()).toEqual(['a', 'a#', 'b']));
    model.expand('a', false);
    runs.push(makeRun('a1', { parent_id: 'a' }));
    model.setSeen(false);
    model.setSeen(true);
    await waitFor(() => expect(isParent()).toEqual([true, false]));
    model.expand('a', true);
    await waitFor(() => expect(keys()).toEqual(['a', 'a/a1', 'b']));
  });

  it('shows all runs flat where the server cannot tell which are nested', async () => {
    const fields = [{ field: 'top_level', message: 'no' }];
    const problem = makeProblem({ status: 400, fields });
    const refusal = new WindlassError({ kind: 'problem', status: 400, message: '', problem });
    await open([], () =>
      tracked.client.search.mockImplementation(async ({ top_level: isTop }) =>
        isTop ? Promise.reject(refusal) : makePage([makeRun('a')])
      )
    );
    expect(model.status).toBe('ready');
    expect(model.isGrouped).toBe(false);
  });

  it.each([
    ['forbidden', 'forbidden'],
    ['absent', 'absent'],
    ['offline', 'error']
  ] as const)('is %s when the first answer is', async (kind, status) => {
    await open([], () => tracked.client.search.mockRejectedValue(failure(kind)));
    expect(model.status).toBe(status);
  });

  it('is stale, with its rows, when a later answer fails', async () => {
    await open();
    tracked.client.search.mockRejectedValue(failure('offline'));
    await model.refresh();
    expect(model.status).toBe('stale');
    expect(keys()).toEqual(['a', 'b']);
  });

  it('lets an answer to an older question pass', async () => {
    await open();
    let answer: (page: ReturnType<typeof makePage>) => void = () => undefined;
    tracked.client.search.mockImplementationOnce(async () => new Promise(resolve => (answer = resolve)));
    model.setFilter('metrics.a > 1');
    tracked.client.search.mockResolvedValue(makePage([makeRun('right')]));
    model.setFilter('metrics.a > 2');
    await waitFor(() => expect(keys()).toEqual(['right']));
    answer(makePage([makeRun('wrong')]));
    await Promise.resolve();
    expect(keys()).toEqual(['right']);
  });
});

describe('rows while runs come and go', () => {
  const loaded = (...ids: string[]) => ids.map(id => ({ run: makeRun(id), columns: [] }));
  const ids = (rows: RunRows) => rows.top.map(({ run }) => run.id).join('');

  it('keep what new runs have pushed down, and lose what is gone', () => {
    const rows = new RunRows();
    rows.replace(loaded('a', 'b', 'c', 'd', 'e'));
    rows.mergeFirst(loaded('n', 'a', 'b'), true);
    expect(ids(rows)).toBe('nabcde');
    rows.mergeFirst(loaded('n', 'b', 'c'), true);
    expect(ids(rows)).toBe('nbcde');
  });

  it('do not follow a run that says it is nested under itself', () => {
    const rows = new RunRows();
    const self = [{ run: makeRun('a', { parent_id: 'a' }), columns: [] }];
    rows.replace(self);
    rows.expand('a', true);
    rows.setBranch('a', { items: self, status: 'ready', cursor: null });
    expect(rows.rows).toHaveLength(1);
  });

  it('stay the same objects until something changes', () => {
    const rows = new RunRows();
    rows.replace(loaded('a'));
    expect(rows.rows).toBe(rows.rows);
  });
});
