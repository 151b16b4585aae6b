import { StateDB } from '@jupyterlab/statedb';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, waitFor, within } from '@testing-library/react';
import { ExperimentsClient } from '../../../api/experiments';
import type { Comparison } from '../../../api/types';
import { CommandIDs } from '../../../commands';
import { ComparePage } from '../../../pages/compare';
import { BAIT, makeComparison, makeComparedRun, makeCurve } from '../../comparison';
import { failure, fakeWindlass } from '../../fakes';

describe('the page of a comparison', () => {
  let page: ComparePage;
  const opened = jest.fn();
  let compare: jest.SpiedFunction<ExperimentsClient['compare']>;
  let curves: jest.SpiedFunction<ExperimentsClient['curves']>;
  let diff: jest.SpiedFunction<ExperimentsClient['diff']>;

  beforeEach(() => {
    compare = jest.spyOn(ExperimentsClient.prototype, 'compare');
    curves = jest.spyOn(ExperimentsClient.prototype, 'curves');
    diff = jest.spyOn(ExperimentsClient.prototype, 'diff');
  });

  async function open(
    answer: Comparison | Error = makeComparison(),
    store: StateDB | null = null
  ): Promise<void> {
    compare.mockImplementation(async () => (answer instanceof Error ? Promise.reject(answer) : answer));
    curves.mockImplementation(async ({ metrics, run_ids: ids }) => ({
      curves: ids.map(id => makeCurve([1, 2], { run_id: id, metric: metrics[0] ?? '' })),
      missing: []
    }));
    const commands = new CommandRegistry();
    commands.addCommand(CommandIDs.openRun, {
      label: 'Open Run',
      describedBy: { args: null },
      execute: ({ id }) => opened(id) as unknown
    });
    const windlass = { ...fakeWindlass(), store };
    page = new ComparePage({ windlass, key: 'a,b', commands, leastMilliseconds: 1 });
    await act(async () => Widget.attach(page, document.body));
  }

  const see = () => within(page.node);
  const text = () => page.node.textContent;
  const choose = async (name: string) => act(async () => see().getByRole('tab', { name }).click());
  const press = async (name: string) => act(async () => see().getByRole('button', { name }).click());

  afterEach(async () => {
    await act(async () => page.dispose());
    opened.mockClear();
    expect(document.body.dataset.bitten).toBeUndefined();
  });

  it('asks for the runs in their order, and draws a metric that all have', async () => {
    await open();
    expect(compare).toHaveBeenCalledWith(['a', 'b']);
    await waitFor(() =>
      expect(see().getByRole('img', { name: /^Line chart of loss over step/ })).toBeTruthy()
    );

    expect(see().getByRole('heading', { name: '2 runs compared' })).toBeTruthy();
    expect(page.title.label).toBe('Compare 2 runs');
  });

  it.each([
    ['the server is away', failure('offline'), 'does not answer'],
    ['it is not allowed', failure('forbidden', 403), 'You are not allowed']
  ])('says so when %s, and tries again', async (_, error, words) => {
    await open(error);
    expect(text()).toContain(words);
    compare.mockResolvedValue(makeComparison());
    await press('Try again');

    expect(see().getByRole('heading', { name: '2 runs compared' })).toBeTruthy();
  });

  it('names the runs that cannot be shown', async () => {
    await open(makeComparison({ missing: [{ run_id: 'gone', message: 'There is no such run.' }] }));

    expect(text()).toContain('1 run cannot be shown.');
    expect(text()).toContain('gone There is no such run.');
  });

  it('says so when none of the runs can be shown', async () => {
    const none = makeComparison({
      runs: [],
      missing: [{ run_id: 'gone', message: 'There is no such run.' }]
    });
    await open(none);

    expect(text()).toContain('There is no such run.');
    expect(see().queryByRole('tablist')).toBeNull();
  });

  it('says so when nothing was measured', async () => {
    await open(makeComparison({ metrics: [] }));

    expect(text()).toContain('None of these runs has logged a metric.');
  });

  it('shows the values of curves in tables', async () => {
    await open();
    await press('Table');

    const row = see().getByRole('row', { name: /first loss/ });
    expect(
      within(row)
        .getAllByRole('cell')
        .map(cell => cell.textContent)
    ).toEqual(['loss', '2', '1', '2', '1', '2']);
  });

  it('draws the metrics that are chosen, each on a chart of its own if wanted', async () => {
    await open();
    await press('Metrics (1)');
    await act(async () => see().getByRole('checkbox', { name: 'accuracy' }).click());
    await press('A chart each');

    await waitFor(() => expect(see().getAllByRole('img', { name: /^Line chart/ })).toHaveLength(2));
    expect(curves.mock.calls.map(([{ metrics }]) => metrics)).toEqual([['loss'], ['accuracy']]);
  });

  it('looks closely at a part by the keyboard, and at all again', async () => {
    await open();
    await press('Zoom in');
    await waitFor(() =>
      expect(curves).toHaveBeenLastCalledWith(expect.objectContaining({ from_step: 0, to_step: 1 }))
    );
    await press('Show all');

    expect(see().getByRole('button', { name: 'Show all' })).toHaveProperty('disabled', true);
  });

  it('hides runs, and says so when all are', async () => {
    await open();
    await act(async () => see().getByRole('checkbox', { name: 'Draw first' }).click());
    expect(
      see()
        .getByRole('img', { name: /^Line chart/ })
        .getAttribute('aria-label')
    ).not.toContain('first');
    await act(async () =>
      see()
        .getByRole('checkbox', { name: /Draw 🚀/ })
        .click()
    );

    expect(text()).toContain('There is nothing to draw');
  });

  describe('values', () => {
    const rows = () =>
      see()
        .getAllByRole('rowheader')
        .map(row => row.textContent);

    it('stand side by side, and what differs is marked by a sign', async () => {
      await open();
      await choose('Values');

      const differing = see().getByRole('row', { name: /lr/ });
      expect(differing.textContent).toBe('≠differs: lr0.1≠other than the first run: 0.2');
      expect(see().getByRole('row', { name: /batch/ }).textContent).toBe('batch3232');
      expect(see().getByRole('row', { name: /accuracy/ }).textContent).toContain('NaN');
      expect(rows().join()).toContain('note (differs after what is shown)');
    });

    it('are only those that differ when that is wanted, or have a name', async () => {
      await open();
      await choose('Values');
      await press('Only differences');
      expect(rows().join()).not.toContain('batch');
      fireEvent.change(see().getByRole('searchbox'), { target: { value: 'NUM' } });
      expect(rows().join()).toBe('Packages,≠differs: numpy');
      fireEvent.change(see().getByRole('searchbox'), { target: { value: 'nothing like it' } });
      expect(text()).toContain('Nothing has this in its name.');
    });

    it('that are long unfold', async () => {
      await open();
      await choose('Values');
      const [more] = see().getAllByRole('button', { name: 'more' });
      const cell = more?.closest('td');
      expect(cell?.textContent.length).toBeLessThan(200);
      await act(async () => more?.click());

      expect(cell?.textContent.length).toBeGreaterThan(500);
    });

    it('of ten thousand metrics are shown a part at a time', async () => {
      const metrics = Array.from({ length: 10_000 }, (_, at) => ({
        key: `m${at}`,
        values: [at, at],
        differs: false
      }));
      // To find elements by their roles takes a simulated browser seconds among so many.
      const count = () => page.node.querySelectorAll('tbody tr').length;
      await open(makeComparison({ metrics, params: [], code: [], packages: [] }));
      await choose('Values');
      const before = count();
      expect(before).toBeLessThan(1100);
      const more = [...page.node.querySelectorAll('button')].find(
        button => button.textContent === 'Show 1000 more of 9000'
      );
      await act(async () => more?.click());

      expect(count()).toBe(before + 1000);
    });
  });

  describe('the scatter', () => {
    it('sets a metric against the cost, and opens a run by its point', async () => {
      await open();
      await choose('Scatter');
      expect(
        see().getByRole('group', { name: 'loss against Cost (USD), a point for each run' })
      ).toBeTruthy();
      const point = see().getByRole('button', { name: 'first: Cost (USD) 1.5, loss 0.25' });
      fireEvent.keyDown(point, { key: 'Enter' });

      expect(opened).toHaveBeenCalledWith('a');
    });

    it('takes any number, and names the runs that have none', async () => {
      await open(makeComparison({ metrics: [{ key: 'loss', values: [0.25, 'NaN'], differs: true }] }));
      await choose('Scatter');
      fireEvent.change(see().getByRole('combobox', { name: 'Across' }), { target: { value: 'params.lr' } });

      expect(see().getByRole('button', { name: 'first: lr 0.1, loss 0.25' })).toBeTruthy();
      expect(text()).toContain(`Not drawn, for want of a number with a place on both axes: 🚀 ${BAIT}`);
    });

    it('says that costs are unknown where they are', async () => {
      await open(
        makeComparison({
          runs: [makeComparedRun({ cost_usd: null }), makeComparedRun({ id: 'b', cost_usd: null })]
        })
      );
      await choose('Scatter');

      expect(text()).toContain('What these runs cost is unknown.');
    });
  });

  describe('notebooks', () => {
    const cell = {
      change: 'changed' as const,
      cell_type: 'code',
      then_index: 0,
      now_index: 0,
      then_source: 'lr = 1',
      now_source: 'lr = 2'
    };

    it('are compared cell by cell', async () => {
      await open();
      diff.mockResolvedValue({
        notebook: 'n.ipynb',
        exists: true,
        identical: false,
        message: null,
        cells: [cell]
      });
      await choose('Notebooks');

      await waitFor(() => expect(text()).toContain('Code cell 1 differs'));
      expect(diff).toHaveBeenCalledWith('a', 'b');
      expect(text()).toContain('lr = 2');
    });

    it('are asked for again after a failure', async () => {
      await open();
      diff.mockRejectedValueOnce(failure('offline'));
      diff.mockResolvedValueOnce({ notebook: '', exists: true, identical: true, message: null, cells: [] });
      await choose('Notebooks');
      await waitFor(() => expect(text()).toContain('does not answer'));
      await press('Try again');

      await waitFor(() => expect(text()).toContain('The code of both notebooks is the same.'));
    });

    it('need two runs that have one', async () => {
      await open(makeComparison({ has_notebooks: [true, false] }));
      await choose('Notebooks');

      expect(text()).toContain('Two runs with a notebook are needed.');
    });
  });

  it('tells that it is closed, so that it can be opened again', async () => {
    await open();
    const heard = jest.fn();
    page.disposed.connect(heard);
    await act(async () => page.dispose());

    expect(heard).toHaveBeenCalledTimes(1);
  });

  it('remembers how it is looked at', async () => {
    const store = new StateDB();
    await open(makeComparison(), store);
    await choose('Values');
    await press('Only differences');
    await act(async () => page.dispose());
    await open(makeComparison(), store);

    await waitFor(() => expect(see().getByRole('tab', { selected: true }).textContent).toBe('Values'));
    expect(see().getByRole('button', { name: 'Only differences' }).getAttribute('aria-pressed')).toBe('true');
  });

  it('follows runs that go on until they end', async () => {
    const running = makeComparison({
      runs: [makeComparedRun({ status: 'RUNNING' }), makeComparedRun({ id: 'b', name: 'second' })]
    });
    await open(running);
    jest.spyOn(page, 'isVisible', 'get').mockReturnValue(true);
    const asked = compare.mock.calls.length;
    await act(async () => page.update());
    await act(async () => see().getByRole('button', { name: 'Refresh' }).click());
    await waitFor(() => expect(compare.mock.calls.length).toBeGreaterThan(asked + 1));
    expect(curves).toHaveBeenLastCalledWith(expect.objectContaining({ run_ids: ['a'] }));

    compare.mockResolvedValue(makeComparison());
    await waitFor(() => expect(text()).not.toContain('followed while you look'));
    const after = compare.mock.calls.length;
    await act(async () => new Promise(resolve => setTimeout(resolve, 30)));
    expect(compare.mock.calls.length).toBeLessThanOrEqual(after + 1);
  });

  it('keeps what it shows when the server goes away, and says how old it is', async () => {
    await open();
    compare.mockRejectedValue(failure('offline'));
    await press('Refresh');

    expect(text()).toContain('This was so a while ago.');
    expect(see().getByRole('heading', { name: '2 runs compared' })).toBeTruthy();
  });
});
