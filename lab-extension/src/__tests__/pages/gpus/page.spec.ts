import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, waitFor, within } from '@testing-library/react';
import { ExperimentsClient } from '../../../api/experiments';
import { GpusClient } from '../../../api/gpus';
import type { GpuHistory, JobGpus } from '../../../api/types';
import { CommandIDs } from '../../../commands';
import { MACHINE_KEY } from '../../../model/gpuCommands';
import { GpusPage } from '../../../pages/gpus';
import { makeComparedRun, makeComparison, makeCurve } from '../../comparison';
import type { IFakeWindlass } from '../../fakes';
import { failure, FakeWebSocket, fakeWindlass, makeJob } from '../../fakes';
import { makeGroup, makeHistory, makeJobGpus, makePodDevice, makeReading, makeSnapshot } from '../../gpus';

describe('the page of GPUs', () => {
  let page: GpusPage;
  let windlass: IFakeWindlass;
  let ofJob: jest.SpiedFunction<GpusClient['ofJob']>;
  let history: jest.SpiedFunction<GpusClient['history']>;
  const opened = jest.fn();

  async function open(key: string, answer: JobGpus | GpuHistory | Error): Promise<void> {
    const say = async () => (answer instanceof Error ? Promise.reject(answer) : answer);
    ofJob = jest.spyOn(GpusClient.prototype, 'ofJob').mockImplementation(say as () => Promise<JobGpus>);
    history = jest
      .spyOn(GpusClient.prototype, 'history')
      .mockImplementation(say as () => Promise<GpuHistory>);
    const commands = new CommandRegistry();
    commands.addCommand(CommandIDs.openJob, {
      describedBy: { args: null },
      execute: ({ id }) => opened(id) as unknown
    });
    page = new GpusPage({ windlass, key, commands, leastMilliseconds: 1 });
    jest.spyOn(page, 'isVisible', 'get').mockReturnValue(true);
    await act(async () => Widget.attach(page, document.body));
  }

  const see = () => within(page.node);
  const text = () => page.node.textContent;
  const about = () => FakeWebSocket.last.sent.map(({ type }) => type).filter(type => type.includes('gpus'));
  const charts = () =>
    see()
      .getAllByRole('img')
      .map(each => each.getAttribute('aria-label'));

  beforeEach(() => {
    windlass = fakeWindlass([makeJob({ run_id: 'a', cost_usd: 500, gpu_hours: 12.5 })]);
    jest.spyOn(ExperimentsClient.prototype, 'compare').mockResolvedValue(
      makeComparison({
        runs: [makeComparedRun()],
        metrics: [
          { key: 'accuracy', values: [0.93], differs: false },
          { key: 'system/gpu_0_power_usage_watts', values: [300], differs: false },
          { key: 'windlass.cost_usd', values: [500], differs: false }
        ]
      })
    );
    jest.spyOn(ExperimentsClient.prototype, 'curves').mockImplementation(async ({ metrics }) => ({
      curves: metrics.map(metric => makeCurve([0.5, 0.93], { metric, times_ms: [990_000, 1_000_000] })),
      missing: []
    }));
    windlass.socket.connect();
    FakeWebSocket.last.greet();
  });

  afterEach(async () => {
    await act(async () => page.dispose());
    windlass.socket.dispose();
    opened.mockClear();
    jest.restoreAllMocks();
  });

  it('says what was achieved for the money, beside the charts of the devices', async () => {
    await open('job-1', makeJobGpus());
    await waitFor(() => expect(charts()).toHaveLength(5));
    expect(charts()).toEqual([
      'accuracy over time. first: mean 0.715, most 0.93.',
      'Cost by then in USD over time. Cost: mean 250, most 500.',
      'Use in % over time. Rank 0: mean 75, most 100.',
      'Memory in GiB over time. Rank 0: mean 2, most 3.',
      'Power in W over time. Rank 0: mean 200, most 300.'
    ]);
    expect(text()).toContain('Achieved for $500.00: accuracy from 0.5 to 0.93.');
    expect(page.title.label).toBe('GPUs of train');
    await act(async () => see().getByRole('button', { name: 'Open job' }).click());
    expect(opened).toHaveBeenCalledWith('job-1');
  });

  it('draws the metrics that are chosen, and none of the machine unless they are', async () => {
    await open('job-1', makeJobGpus());
    await act(async () => see().getByRole('button', { name: 'Metrics (1)' }).click());
    await act(async () => see().getByRole('checkbox', { name: 'windlass.cost_usd' }).click());
    await waitFor(() => expect(see().getByRole('region', { name: 'windlass.cost_usd' })).toBeTruthy());
    expect(see().queryByRole('region', { name: /^system/ })).toBeNull();
  });

  it('looks closely at a part of all charts by the keyboard, and its figures are of that part', async () => {
    await open('job-1', makeJobGpus());
    await act(async () => see().getByRole('button', { name: 'Zoom in' }).click());
    await act(async () => see().getByRole('button', { name: 'Later' }).click());
    // From 5 to 10 seconds: the second reading alone.
    await waitFor(() => expect(charts()[2]).toBe('Use in % over time. Rank 0: mean 100, most 100.'));
    const row = see().getByRole('row', { name: /Use \(%\) Rank 0/, hidden: true });
    expect([...row.children].map(cell => cell.textContent)).toEqual(['Use (%)', 'Rank 0', '100', '100']);
    await act(async () => see().getByRole('button', { name: 'Show all' }).click());
    expect(charts()[2]).toContain('mean 75');
  });

  it('says so where a job has no run, or what it used is not known', async () => {
    windlass = fakeWindlass([makeJob()]);
    const conditions = [{ source: 'job', code: 'no-driver', message: 'The job found no driver.' }] as const;
    await open('job-1', makeJobGpus({ history: makeHistory({ lines: [], conditions: [...conditions] }) }));
    expect(text()).toContain('This job has no MLflow run yet.');
    expect(text()).toContain('Job: The job found no driver.');
    expect(see().getAllByText('Not known for the time in view.')).toHaveLength(4);
  });

  it.each([
    ['there is no such job', failure('problem', 404), 'There is no such job.'],
    ['it is not allowed', failure('forbidden', 403), 'You are not allowed'],
    ['the server is away', failure('offline'), 'does not answer']
  ])('says so when %s', async (_, error, words) => {
    await open('job-1', error);
    expect(text()).toContain(words);
  });

  it('keeps what it shows when the server goes away, and tries again', async () => {
    await open('job-1', makeJobGpus({ live: true }));
    ofJob.mockRejectedValue(failure('offline'));
    await waitFor(() => expect(see().getByRole('button', { name: 'Try again' })).toBeTruthy());
    expect(charts()).toHaveLength(5);
    ofJob.mockResolvedValue(makeJobGpus());
    await waitFor(() => expect(see().queryByRole('button', { name: 'Try again' })).toBeNull());
  });

  it('goes on with what is heard of a job that runs, and looks no more when it has ended', async () => {
    await open('job-1', makeJobGpus({ live: true }));
    expect(about()).toEqual(['subscribe_gpus']);
    const device = makePodDevice(0, { id: 'GPU-a', now: makeReading({ at: 1010, engine: 0.03 }) });
    const groups = [makeGroup({ devices: 1, usd: 512 })];
    const snapshot = makeSnapshot({ at: '1970-01-01T00:16:50Z', devices: [device], groups });
    await act(async () => FakeWebSocket.last.say({ type: 'gpus', snapshot, recent: null }));
    await waitFor(() => expect(charts()[2]).toContain('Rank 0: mean 51, most 100.'));
    expect(charts()[1]).toContain('most 512');
    expect(text()).toContain('Achieved so far for $512.00');
    const readings = { 'GPU-a': makeReading({ at: 1011, engine: 0.03 }) };
    const rest = { engine: 0.03, usd_per_hour: 60, job_usd: { 'job-1': 530 } };
    await act(async () => FakeWebSocket.last.say({ type: 'gpu_readings', readings, ...rest }));
    await waitFor(() => expect(charts()[1]).toContain('most 530'));

    ofJob.mockResolvedValue(makeJobGpus());
    await waitFor(() => expect(about()).toEqual(['subscribe_gpus', 'unsubscribe_gpus']));
  });

  it('shows this machine as far back as is chosen', async () => {
    await open(MACHINE_KEY, makeHistory());
    await waitFor(() => expect(charts()).toHaveLength(3));
    expect(history).toHaveBeenCalledWith({ seconds: 900, points: 600 });
    fireEvent.change(see().getByRole('combobox', { name: 'The last' }), { target: { value: '21600' } });
    await waitFor(() => expect(history).toHaveBeenLastCalledWith({ seconds: 21_600, points: 600 }));
    expect(see().queryByRole('button', { name: 'Open job' })).toBeNull();
  });

  it('tells of the newest alarms first, and of the others when asked', async () => {
    const alarms = [1, 2, 3, 4, 5].map(number => ({
      id: `alarm-${number}`,
      kind: 'idle' as const,
      device_id: 'GPU-a',
      job_id: 'job-1',
      rank: 0,
      since: '1970-01-01T00:16:30Z',
      engine: 0,
      usd_per_hour: null,
      message: `Alarm ${number}`
    }));
    await open('job-1', makeJobGpus({ alarms }));
    const told = () => within(see().getByRole('list', { name: 'Alarms' })).getAllByText(/^Alarm/);
    expect(told().map(({ textContent }) => textContent.slice(0, 7))).toEqual([
      'Alarm 5',
      'Alarm 4',
      'Alarm 3'
    ]);
    await act(async () => see().getByRole('button', { name: 'Show 2 more' }).click());
    expect(told()).toHaveLength(5);
  });
});
