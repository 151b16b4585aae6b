import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { act, waitFor, within } from '@testing-library/react';
import type { Job, JobPlacement, TimelineStep } from '../../../api/types';
import { JobPage } from '../../../pages/job';
import { formatRanks } from '../../../pages/job/placement/ranks';
import type { IFakeWindlass } from '../../fakes';
import { FakeWebSocket, failure, fakeWindlass, makeJob } from '../../fakes';

function step(
  name: TimelineStep['name'],
  at: string | null = null,
  seconds: number | null = null
): TimelineStep {
  return { name, at, seconds, note: '' };
}

function makePlacement(given: Partial<JobPlacement> = {}): JobPlacement {
  return {
    namespace: 'jobs-ada',
    object_kind: 'PyTorchJob',
    object_name: 'train-abc',
    kind_reason: 'Its operator is there.',
    pods: [
      {
        name: 'train-abc-master-0',
        role: 'master',
        ranks: [0, 1, 2, 3],
        node: 'gpu-1',
        state: 'running',
        reason: '',
        restarts: 2,
        exit_code: null,
        started_at: null,
        ended_at: null
      },
      {
        name: 'train-abc-worker-0',
        role: 'worker',
        ranks: [],
        node: null,
        state: 'waiting',
        reason: 'waiting for a GPU node',
        restarts: 0,
        exit_code: null,
        started_at: null,
        ended_at: null
      }
    ],
    timeline: [
      step('created', '2026-11-23T05:31:00.000Z'),
      { ...step('queued', '2026-11-23T05:31:01.000Z', 1), note: 'queue team-a' },
      step('ended')
    ],
    ...given
  };
}

describe('where a job is in its cluster', () => {
  let page: JobPage;
  let windlass: IFakeWindlass;

  async function open(job: Partial<Job>, answer: () => Promise<JobPlacement>): Promise<void> {
    windlass = fakeWindlass();
    windlass.client.placement.mockImplementation(answer);
    windlass.socket.subscribeJobs();
    FakeWebSocket.last.greet();
    const commands = new CommandRegistry();
    page = new JobPage({ windlass, jobId: 'job-1', rendermime: new RenderMimeRegistry(), commands });
    await act(async () => Widget.attach(page, document.body));
    await tell(makeJob({ engine: 'kubernetes', kind: 'PyTorchJob', ...job }));
  }

  async function tell(...jobs: Job[]): Promise<void> {
    await act(async () => FakeWebSocket.last.tell(jobs, { reset: true }));
  }

  const see = () => within(page.node);

  async function show(name = 'Cluster'): Promise<void> {
    await act(async () => see().getByRole('tab', { name }).click());
  }

  afterEach(async () => {
    await act(async () => page.dispose());
  });

  it('has no tab for a job on this machine', async () => {
    await open({ engine: 'local' }, async () => makePlacement());

    expect(see().queryByRole('tab', { name: 'Cluster' })).toBeNull();
    expect(windlass.client.placement).not.toHaveBeenCalled();
  });

  it('is asked for when it is looked at, and shows pods with their ranks; what is unknown stays so', async () => {
    await open({}, async () => makePlacement());
    expect(windlass.client.placement).not.toHaveBeenCalled();
    await show();
    const table = within(await see().findByRole('table', { name: 'Pods of this job' }));
    const cells = table
      .getAllByRole('row')
      .slice(1)
      .map(row => [...row.children].map(cell => cell.textContent));

    expect(cells).toEqual([
      ['train-abc-master-0', 'master', '0–3', 'Running', 'gpu-1', '2', ''],
      ['train-abc-worker-0', 'worker', '–', 'Waiting', '–', '0', 'waiting for a GPU node']
    ]);
    expect(page.node.textContent).toContain('PyTorchJob train-abc in namespace jobs-ada.');
    expect(page.node.textContent).toContain('Its operator is there.');
  });

  it('says how far the job has come, what each step took, and what is still ahead', async () => {
    await open({}, async () => makePlacement());
    await show();
    await see().findByRole('table', { name: 'Pods of this job' });
    const steps = see().getAllByRole('listitem');

    expect(steps.map(item => item.className.includes('jp-mod-ahead'))).toEqual([false, false, true]);
    expect(steps[1]?.textContent).toContain('Queued');
    expect(steps[1]?.textContent).toContain('after 1 s');
    expect(steps[1]?.textContent).toContain('queue team-a');
    expect(steps[2]?.textContent).toContain('not yet');
  });

  it('does not promise what an ended job never reached', async () => {
    await open({ state: 'failed' }, async () => makePlacement());
    await show();
    await see().findByRole('table', { name: 'Pods of this job' });

    expect(see().getAllByRole('listitem')[2]?.textContent).toBe('Ended–');
  });

  it('says how the job ended also where nobody knows when', async () => {
    const timeline = [step('created', '2026-11-23T05:31:00.000Z'), { ...step('ended'), note: 'stopped' }];
    await open({ state: 'stopped' }, async () => makePlacement({ timeline }));
    await show();
    await see().findByRole('table', { name: 'Pods of this job' });

    expect(see().getAllByRole('listitem')[1]?.textContent).toBe('Stopped–');
  });

  it('says how the job ended, by word and sign, and draws no time that it does not tell', async () => {
    const timeline = [
      step('created', '2026-11-23T05:31:00.000Z'),
      step('first_line', '2026-11-23T05:31:00.400Z', 0.4),
      { ...step('ended', '2026-11-23T05:31:09.000Z', 8.6), note: 'failed' }
    ];
    await open({ state: 'failed' }, async () => makePlacement({ timeline }));
    await show();
    await see().findByRole('table', { name: 'Pods of this job' });
    const [, first, ended] = see().getAllByRole('listitem');

    expect(first?.textContent).toContain('at once');
    expect(first?.querySelector<HTMLElement>('[style]')?.style.width).toBe('0%');
    expect(ended?.textContent).toMatch(/^Failed.*after 9 s$/);
    expect(ended?.querySelector('.jp-WindlassJobState.jp-mod-failed')).toBeTruthy();
  });

  it('is asked for again when the job has changed and it is looked at, not otherwise', async () => {
    const asked = () => windlass.client.placement.mock.calls.length;
    await open({}, async () => makePlacement());
    await show();
    await waitFor(() => expect(asked()).toBe(1));
    await tell(makeJob({ engine: 'kubernetes', version: 1, name: 'the same version' }));
    expect(asked()).toBe(1);

    await tell(makeJob({ engine: 'kubernetes', version: 2 }));
    await waitFor(() => expect(asked()).toBe(2), { timeout: 5000 });
    await show('Details');
    await tell(makeJob({ engine: 'kubernetes', version: 3 }));
    await tell(makeJob({ engine: 'kubernetes', version: 4 }));
    expect(asked()).toBe(2);
    await show();
    await waitFor(() => expect(asked()).toBe(3), { timeout: 5000 });
  });

  it.each([
    ['cannot be had', failure('offline'), 'does not answer'],
    ['may not be seen', failure('forbidden', 403), 'You are not allowed']
  ])('that %s is said, and can be asked for again', async (_, error, words) => {
    let isAway = true;
    await open({}, async () => (isAway ? Promise.reject(error) : makePlacement()));
    await show();
    await waitFor(() => expect(page.node.textContent).toContain(words));
    isAway = false;
    await act(async () => see().getByRole('button', { name: 'Try again' }).click());

    expect(await see().findByRole('table', { name: 'Pods of this job' })).toBeTruthy();
  });

  it('stays on the page, marked as old, when a newer one cannot be had', async () => {
    let isAway = false;
    await open({}, async () => (isAway ? Promise.reject(failure('offline')) : makePlacement()));
    await show();
    await see().findByRole('table', { name: 'Pods of this job' });
    isAway = true;
    await tell(makeJob({ engine: 'kubernetes', version: 2 }));

    await waitFor(() => expect(page.node.textContent).toContain('This was so a while ago.'), {
      timeout: 5000
    });
    expect(see().getByRole('table', { name: 'Pods of this job' })).toBeTruthy();
  });

  it('says so when there are no pods', async () => {
    await open({ state: 'queued' }, async () => makePlacement({ pods: [] }));
    await show();

    expect(await see().findByText('There are none now.')).toBeTruthy();
  });
});

describe('ranks', () => {
  it.each<[number[], string]>([
    [[], ''],
    [[0], '0'],
    [[3, 1, 2, 0], '0–3'],
    [[0, 1, 4, 6, 7], '0–1, 4, 6–7']
  ])('%j are shown as %j', (ranks, text) => {
    expect(formatRanks(ranks)).toBe(text);
  });
});
