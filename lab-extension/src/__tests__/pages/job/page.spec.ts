import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { act, waitFor, within } from '@testing-library/react';
import type { Job, NotebookDiff } from '../../../api/types';
import { CommandIDs } from '../../../commands';
import { JobPage } from '../../../pages/job';
import type { IFakeWindlass } from '../../fakes';
import { FakeWebSocket, failure, fakeWindlass, makeInfo, makeJob } from '../../fakes';

describe('the page of a job', () => {
  let page: JobPage;
  let windlass: IFakeWindlass;
  const executed = jest.fn();

  async function open(arrange: (windlass: IFakeWindlass) => void = () => undefined): Promise<void> {
    windlass = fakeWindlass();
    arrange(windlass);
    windlass.socket.subscribeJobs();
    FakeWebSocket.last.greet();
    const commands = new CommandRegistry();
    for (const id of [CommandIDs.stopJob, CommandIDs.rerunJob, CommandIDs.deleteJob, CommandIDs.openJob]) {
      commands.addCommand(id, {
        label: id,
        describedBy: { args: null },
        execute: args => executed(id, args.id) as unknown
      });
    }
    const rendermime = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
    page = new JobPage({ windlass, jobId: 'job-1', rendermime, commands });
    await act(async () => Widget.attach(page, document.body));
  }

  async function tell(...jobs: Job[]): Promise<void> {
    await act(async () => FakeWebSocket.last.tell(jobs, { reset: true }));
  }

  const see = () => within(page.node);
  const text = () => page.node.textContent;

  async function choose(name: string | RegExp): Promise<void> {
    await act(async () => see().getByRole('tab', { name }).click());
  }

  afterEach(async () => {
    await act(async () => page.dispose());
    executed.mockReset();
  });

  it('shows state, reason, progress and size, and follows them', async () => {
    await open();
    await tell(makeJob({ reason: 'on this machine' }));
    expect(text()).toContain('Running');
    expect(text()).toContain('on this machine');
    expect(text()).toContain('cell 2 of 8');
    expect(text()).toContain('2 processes');
    expect(see().getByRole('progressbar').getAttribute('aria-valuenow')).toBe('25');

    await tell(makeJob({ state: 'succeeded', version: 2, name: 'renamed' }));
    expect(text()).toContain('Succeeded');
    expect(page.title.label).toBe('renamed');
  });

  it('is left alone by an older version that comes late', async () => {
    await open(({ client }) => client.job.mockResolvedValue(makeJob({ state: 'running', version: 1 })));
    await tell(makeJob({ state: 'succeeded', version: 7 }));

    expect(text()).toContain('Succeeded');
  });

  it('offers to stop what runs, and to repeat or delete what has ended', async () => {
    await open();
    await tell(makeJob());
    await act(async () => see().getByRole('button', { name: CommandIDs.stopJob }).click());
    expect(executed).toHaveBeenCalledWith(CommandIDs.stopJob, 'job-1');
    expect(see().queryByRole('button', { name: CommandIDs.deleteJob })).toBeNull();

    await tell(makeJob({ state: 'failed', version: 2 }));
    expect(see().queryByRole('button', { name: CommandIDs.stopJob })).toBeNull();
    expect(see().getByRole('button', { name: CommandIDs.rerunJob })).toBeTruthy();
    expect(see().getByRole('button', { name: 'Run with Other Parameters…' })).toBeTruthy();
    expect(see().getByRole('button', { name: CommandIDs.deleteJob })).toBeTruthy();
  });

  it('waits for no output when the log is complete, also where that is known before the end', async () => {
    await open();
    await tell(makeJob({ state: 'running' }));

    expect(await see().findByText('This job wrote no output.')).toBeTruthy();
  });

  it('leads to the job that is made when this one is run again', async () => {
    executed.mockImplementation(id => (id === CommandIDs.rerunJob ? makeJob({ id: 'job-2' }) : undefined));
    await open();
    await tell(makeJob({ state: 'stopped' }));
    await act(async () => see().getByRole('button', { name: CommandIDs.rerunJob }).click());

    await waitFor(() => expect(executed).toHaveBeenLastCalledWith(CommandIDs.openJob, 'job-2'));
  });

  it('says where a failed job failed', async () => {
    const error = {
      rank: 1,
      cell: 3,
      line: 2,
      ename: 'ValueError',
      evalue: 'no luck',
      traceback: ['line 1', 'line 2']
    };
    await open();
    await tell(makeJob({ state: 'failed', error }));

    const box = within(see().getByRole('region', { name: 'Error' }));
    expect(box.getByText('ValueError')).toBeTruthy();
    expect(box.getByText('rank 1, cell 4, line 2')).toBeTruthy();
    expect(box.getByRole('button', { name: 'Go to cell' })).toBeTruthy();
  });

  it('asks for a job that is not in the list', async () => {
    await open(({ client }) => client.job.mockResolvedValue(makeJob({ name: 'an old one' })));

    await waitFor(() => expect(text()).toContain('an old one'));
  });

  it.each([
    ['there is no such job', failure('problem', 404), 'There is no such job'],
    ['it is somebody else’s', failure('forbidden', 403), 'You are not allowed'],
    ['the server is away', failure('offline'), 'does not answer']
  ])('says so when %s', async (_, error, words) => {
    await open(({ client }) => client.job.mockRejectedValue(error));

    await waitFor(() => expect(text()).toContain(words));
    expect(see().queryByRole('tablist')).toBeNull();
  });

  it('says so when the job is deleted while it is looked at', async () => {
    await open();
    await tell(makeJob());
    await tell();

    expect(text()).toContain('There is no such job');
  });

  it('moves between tabs with the arrow keys, and shows one panel at a time', async () => {
    await open();
    await tell(makeJob());
    const press = async (key: string): Promise<void> =>
      act(async () => {
        const tab = see().getByRole('tab', { selected: true });
        tab.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      });
    await press('ArrowRight');
    expect(see().getByRole('tab', { selected: true }).textContent).toBe('Notebook');
    await press('End');
    expect(see().getByRole('tab', { selected: true }).textContent).toBe('Changes');
    await press('ArrowRight');
    expect(see().getByRole('tab', { selected: true }).textContent).toBe('Log');

    const shown = see()
      .getAllByRole('tabpanel', { hidden: true })
      .filter(panel => !panel.classList.contains('lm-mod-hidden'));
    expect(shown).toHaveLength(1);
    expect(shown[0]?.id).toBe(see().getByRole('tab', { selected: true }).getAttribute('aria-controls'));
  });

  it('lists runs as links only where a browser may follow them', async () => {
    const run = { experiment_id: '1', experiment_name: 'fraud', status: 'FINISHED' };
    await open(({ client }) => client.info.mockResolvedValue(makeInfo()));
    await tell(
      makeJob({
        runs: [
          { ...run, run_id: 'a', name: 'good', url: 'https://mlflow.test/#/a' },
          { ...run, run_id: 'b', name: 'bad', url: 'javascript:alert(1)' },
          { ...run, run_id: 'c', name: 'unreachable', url: null }
        ]
      })
    );
    await choose('Runs (3)');

    expect(
      see()
        .getAllByRole('link')
        .map(link => link.getAttribute('href'))
    ).toEqual(['https://mlflow.test/#/a']);
    expect(text()).toContain('bad');
  });

  it('tells that it is closed, so that it can be opened again', async () => {
    await open();
    await tell(makeJob());
    const heard = jest.fn();
    page.disposed.connect(heard);
    await act(async () => page.dispose());

    expect(heard).toHaveBeenCalledTimes(1);
  });

  it('shows unknown numbers as unknown', async () => {
    await open();
    await tell(
      makeJob({
        cost_usd: null,
        started_at: null,
        duration_seconds: null,
        environment: null,
        environment_name: null
      })
    );
    await choose('Details');

    const fact = (name: string) => see().getByText(name, { selector: 'dt' }).nextElementSibling?.textContent;
    expect([fact('Cost'), fact('Environment')]).toEqual(['unknown', 'unknown']);
    expect(see().queryByText('Started')).toBeNull();
  });

  describe('changes of the notebook since it was sent', () => {
    const same = {
      change: 'same',
      cell_type: 'code',
      then_index: 0,
      now_index: 0,
      then_source: 'a',
      now_source: 'a'
    };
    const changed = {
      ...same,
      change: 'changed',
      then_index: 1,
      now_index: 1,
      then_source: 'lr = 1\nx',
      now_source: 'lr = 2\nx'
    };

    async function openDiff(diff: Partial<NotebookDiff>): Promise<void> {
      await open(({ client }) =>
        client.diff.mockResolvedValue({
          notebook: 'work/train.ipynb',
          exists: true,
          identical: false,
          message: null,
          cells: [],
          ...diff
        })
      );
      await tell(makeJob());
      await choose('Changes');
    }

    it('are shown line by line, and side by side when asked', async () => {
      await openDiff({ cells: [same, changed] });
      await waitFor(() => expect(text()).toContain('Code cell 2, changed since'));
      expect(text()).toContain('1 cell is the same');
      const rows = () =>
        [...page.node.querySelectorAll('.jp-WindlassDiff-lines tr')].map(row => row.textContent);
      expect(rows()).toEqual(['1−removed lr = 1', '1+added lr = 2', '22 x']);
      await act(async () => see().getByRole('button', { name: 'Side by side' }).click());
      expect(rows()).toEqual(['1−removed lr = 11+added lr = 2', '2 x2 x']);
    });

    it('are none when there are none', async () => {
      await openDiff({ identical: true });

      await waitFor(() => expect(text()).toContain('is the same now as when it was sent'));
    });

    it('cannot be told when the notebook is gone', async () => {
      await openDiff({ exists: false, message: 'work/train.ipynb was moved or deleted.' });

      await waitFor(() => expect(text()).toContain('was moved or deleted'));
    });

    it('are asked for again after a failure', async () => {
      await open(({ client }) => client.diff.mockRejectedValueOnce(failure('offline')));
      await tell(makeJob());
      await choose('Changes');
      await waitFor(() => expect(see().getByRole('alert').textContent).toContain('does not answer'));
      await act(async () => see().getByRole('button', { name: 'Try again' }).click());

      await waitFor(() => expect(text()).toContain('is the same now as when it was sent'));
    });
  });
});
