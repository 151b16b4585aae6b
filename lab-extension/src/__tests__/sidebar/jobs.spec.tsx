import { CommandRegistry } from '@lumino/commands';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import React from 'react';
import type { Job } from '../../api/types';
import { CommandIDs } from '../../commands';
import { JobFilter } from '../../model/filter';
import { JobsBody } from '../../sidebar/jobs/body';
import type { IFakeWindlass } from '../fakes';
import { failure, FakeWebSocket, fakeWindlass, makeJob } from '../fakes';

describe('the Jobs section', () => {
  let windlass: IFakeWindlass;
  let filter: JobFilter;
  let executed: [string, unknown][];
  let canTrain: boolean;

  const show = async (jobs: Job[], problem: ReturnType<typeof failure> | null = null) => {
    windlass = fakeWindlass(jobs);
    if (problem) {
      windlass.client.list.mockRejectedValue(problem);
    }
    render(<JobsBody commands={makeCommands()} filter={filter} windlass={windlass} />);
    await act(async () => windlass.jobs.refresh());
  };
  const makeCommands = () => {
    const commands = new CommandRegistry();
    for (const id of Object.values(CommandIDs)) {
      commands.addCommand(id, {
        label: id,
        describedBy: { args: { type: 'object', properties: {} } },
        isEnabled: () => id !== CommandIDs.train || canTrain,
        execute: args => void executed.push([id, args.id])
      });
    }
    return commands;
  };
  const rows = () => screen.getAllByRole('row');
  const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });
  const names = () => rows().map(row => row.querySelector('.jp-WindlassJobs-name')?.textContent);

  beforeEach(() => {
    filter = new JobFilter();
    executed = [];
    canTrain = false;
  });

  afterEach(() => {
    cleanup();
    windlass.jobs.dispose();
    windlass.socket.dispose();
  });

  it('shows state, name, time, processes and progress of a job', async () => {
    await show([
      makeJob({ duration_seconds: 75, progress: { fraction: 0.4, cell: 1, cells: 2, message: 'epoch 4' } })
    ]);
    const row = within(screen.getByRole('row'));
    for (const text of ['Running', 'train', '1:15', '×2', 'epoch 4']) {
      expect(row.getByText(text)).toBeTruthy();
    }
    expect(row.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('40');
  });

  it('says why a job waits, and its place once', async () => {
    const waiting = {
      state: 'queued',
      queue_position: 3,
      reason: 'third in the queue: waits for 2 CPUs',
      duration_seconds: null
    } as const;
    await show([makeJob(waiting)]);
    expect(screen.getByText('third in the queue: waits for 2 CPUs')).toBeTruthy();
  });

  it('shows where a job failed, counting cells from 1', async () => {
    const error = { rank: 1, cell: 3, line: 7, ename: 'ValueError', evalue: 'bad', traceback: [] };
    await show([makeJob({ state: 'failed', error })]);
    expect(screen.getByText('ValueError: bad (rank 1, cell 4, line 7)')).toBeTruthy();
  });

  it.each([
    ['absent', 'pip install windlass'],
    ['forbidden', 'sign in'],
    ['offline', 'does not answer']
  ] as const)('says what to do when the server is %s, and tries again when asked', async (kind, words) => {
    await show([makeJob()], failure(kind));
    expect(document.body.textContent).toContain(words);
    windlass.client.list.mockResolvedValue({ items: [makeJob()], next_cursor: null });
    await act(async () => fireEvent.click(screen.getByRole('button', { name: 'Try again' })));
    expect(names()).toEqual(['train']);
  });

  it('keeps the list when the server is lost, and says since when', async () => {
    await show([makeJob()]);
    windlass.client.list.mockRejectedValue(failure('offline'));
    await act(async () => windlass.jobs.refresh());
    expect(screen.getByRole('status').textContent).toMatch(/As of .* does not answer/);
    expect(names()).toEqual(['train']);
  });

  it('says how to begin when there are no jobs', async () => {
    await show([]);
    expect(document.body.textContent).toContain('Open a notebook and press Train');
  });

  it('offers to train the notebook on screen when there are no jobs', async () => {
    canTrain = true;
    await show([]);
    fireEvent.click(screen.getByRole('button', { name: 'Train this notebook…' }));
    expect(executed).toEqual([[CommandIDs.train, undefined]]);
  });

  it('narrows the list by words and by notebook, and widens it again', async () => {
    await show([
      makeJob({ id: 'a', name: 'resnet' }),
      makeJob({ id: 'b', name: 'bert', notebook: 'b.ipynb' })
    ]);
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'RESNET running' } });
    expect(names()).toEqual(['resnet']);
    act(() => filter.setNotebook('b.ipynb'));
    expect(document.body.textContent).toContain('No job matches');
    fireEvent.click(screen.getByRole('button', { name: 'Show all jobs' }));
    expect(rows()).toHaveLength(2);
  });

  it('makes a hundred rows at first and more when asked', async () => {
    const jobs = Array.from({ length: 250 }, (_, i) => makeJob({ id: `j${i}`, name: `n${i}` }));
    await show(jobs);
    expect(rows()).toHaveLength(100);
    fireEvent.click(screen.getByRole('button', { name: /100 of 250/ }));
    expect(rows()).toHaveLength(200);
  });

  describe('by keyboard', () => {
    beforeEach(async () => {
      await show(
        ['c', 'b', 'a'].map(id => makeJob({ id, name: id, state: id === 'b' ? 'failed' : 'running' }))
      );
      act(() => rows()[0]?.focus());
    });

    it('has one row in the tab order, and arrows move it', () => {
      const order = () => rows().map(row => row.tabIndex);
      expect(order()).toEqual([0, -1, -1]);
      press('ArrowDown');
      expect([order(), document.activeElement]).toEqual([[-1, 0, -1], rows()[1]]);
      press('End');
      press('ArrowDown');
      expect(document.activeElement).toBe(rows()[2]);
      press('Home');
      press('ArrowUp');
      expect(document.activeElement).toBe(rows()[0]);
    });

    it('opens by Enter, and deletes what has ended or stops what lives by Delete', () => {
      press('Enter');
      press('Delete');
      press('ArrowDown');
      press('Delete');
      expect(executed).toEqual([
        [CommandIDs.openJob, 'c'],
        [CommandIDs.stopJob, 'c'],
        [CommandIDs.deleteJob, 'b']
      ]);
    });

    it('reaches the buttons of a row by the right arrow, and comes back by the left', () => {
      press('ArrowRight');
      expect(document.activeElement?.getAttribute('aria-label')).toBe('windlass:stop-job c');
      press('Enter');
      expect(executed).toEqual([]);
      press('ArrowLeft');
      expect(document.activeElement).toBe(rows()[0]);
    });

    it('moves to the neighbour when the row with the focus goes', async () => {
      press('ArrowDown');
      await act(async () => windlass.jobs.remove('b'));
      expect(names()).toEqual(['c', 'a']);
      expect(document.activeElement).toBe(rows()[1]);
    });
  });

  it('opens a job by a click, and runs only the command of a button that is clicked', async () => {
    await show([makeJob({ id: 'a' })]);
    fireEvent.click(screen.getByRole('row'));
    fireEvent.click(screen.getByRole('button', { name: /stop-job/ }));
    expect(executed).toEqual([
      [CommandIDs.openJob, 'a'],
      [CommandIDs.stopJob, 'a']
    ]);
  });

  it('tells screen readers of a change of state, and not of other changes', async () => {
    await show([makeJob()]);
    const live = screen.getByRole('log');
    FakeWebSocket.last.greet();
    act(() => FakeWebSocket.last.tell([makeJob({ version: 2, reason: 'still busy' })]));
    expect(live.textContent).toBe('');
    act(() => FakeWebSocket.last.tell([makeJob({ version: 3, state: 'succeeded' })]));
    expect(live.textContent).toBe('train: Succeeded');
  });
});
