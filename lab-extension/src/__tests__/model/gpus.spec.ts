import type { GpuHistory } from '../../api/types';
import type { GpusModel } from '../../model/gpus';
import { gpusOf } from '../../model/gpus';
import { rowsOf } from '../../model/gpuRows';
import type { IFakeWindlass } from '../fakes';
import { failure, FakeWebSocket, fakeWindlass, makeProblem } from '../fakes';
import { makeDevice, makeGroup, makePodDevice, makeReading, makeSnapshot } from '../gpus';

const RECENT: GpuHistory = {
  start: 700,
  end: 1000,
  step_seconds: 150,
  times: [850, 1000],
  lines: [
    {
      device_id: 'GPU-a',
      label: 'GPU 0',
      job_id: null,
      rank: null,
      memory_total_bytes: null,
      engine: [null, 0.5],
      memory_bytes: [null, null],
      power_watts: [null, null],
      source: 'nvml'
    }
  ],
  usd: [],
  conditions: []
};

describe('the view of GPUs', () => {
  let windlass: IFakeWindlass;
  let model: GpusModel;
  const about = () => FakeWebSocket.last.sent.map(({ type }) => type).filter(type => type.includes('gpus'));
  const show = (state: 'visible' | 'hidden') => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  };

  beforeEach(() => {
    windlass = fakeWindlass();
    model = gpusOf(windlass);
    jest.spyOn(model.client, 'snapshot').mockResolvedValue(makeSnapshot());
    windlass.socket.connect();
    FakeWebSocket.last.greet();
  });

  afterEach(() => {
    show('visible');
    model.dispose();
    windlass.socket.dispose();
  });

  it('is asked for while somebody looks, however many, and no more when the last has left', () => {
    const looks = [model.look(), model.look()];
    expect(about()).toEqual(['subscribe_gpus']);
    looks[0]?.dispose();
    expect(about()).toEqual(['subscribe_gpus']);
    looks[1]?.dispose();
    expect(about()).toEqual(['subscribe_gpus', 'unsubscribe_gpus']);
  });

  it('is not asked for while the browser tab is hidden', () => {
    const look = model.look();
    show('hidden');
    show('visible');
    expect(about()).toEqual(['subscribe_gpus', 'unsubscribe_gpus', 'subscribe_gpus']);
    look.dispose();
  });

  it('is asked for again after a lost connection', () => {
    jest.useFakeTimers();
    const look = model.look();
    FakeWebSocket.last.drop();
    jest.advanceTimersByTime(2000);
    FakeWebSocket.last.greet();
    expect(about()).toEqual(['subscribe_gpus']);
    look.dispose();
    jest.useRealTimers();
  });

  it('puts readings in their places; a device that is not named has none, and its job’s spread follows', () => {
    const devices = [makePodDevice(0), makePodDevice(1)];
    const look = model.look();
    FakeWebSocket.last.say({
      type: 'gpus',
      snapshot: makeSnapshot({ devices, groups: [makeGroup({ devices: 2, usd: 3 })] }),
      recent: null
    });
    FakeWebSocket.last.say({
      type: 'gpu_readings',
      readings: { 'GPU-0': makeReading({ at: 1001, engine: 0.25 }) },
      engine: 0.25,
      usd_per_hour: 2,
      job_usd: {}
    });
    const { snapshot } = model;
    expect(snapshot?.devices.map(({ now }) => now?.engine ?? null)).toEqual([0.25, null]);
    expect(snapshot?.groups[0]?.engine).toEqual({ least: 0.25, mean: 0.25, most: 0.25, known: 1 });
    // What it cost is not told any more: it is not known, and not what it was.
    expect(snapshot?.groups[0]?.usd).toBeNull();
    expect(snapshot?.usd_per_hour).toBe(2);
    look.dispose();
  });

  it('remembers the last minutes, from what the server does, with its gaps', () => {
    const look = model.look();
    const now = makeReading({ at: 1001, engine: 0.6 });
    FakeWebSocket.last.say({
      type: 'gpus',
      snapshot: makeSnapshot({ devices: [makeDevice({ now })] }),
      recent: RECENT
    });
    expect(model.trailOf('GPU-a').map(({ at, engine }) => [at, engine])).toEqual([
      [850, null],
      [1000, 0.5],
      [1001, 0.6]
    ]);
    FakeWebSocket.last.say({
      type: 'gpu_readings',
      readings: { 'GPU-a': makeReading({ at: 1200, engine: 0.7 }) },
      engine: null,
      usd_per_hour: null,
      job_usd: {}
    });
    expect(model.trailOf('GPU-a').map(({ at }) => at)).toEqual([1000, 1001, 1200]);
    // What is shown is of then: sparklines end there, and idle time goes on.
    expect(model.snapshot?.at).toBe('1970-01-01T00:20:00.000Z');
    look.dispose();
  });

  it('says why there is none, and keeps the last one when no newer can be had', async () => {
    const ask = jest.spyOn(model.client, 'snapshot').mockRejectedValue(failure('forbidden', 403));
    await model.peek();
    expect(model.status).toBe('forbidden');
    ask.mockResolvedValue(makeSnapshot());
    await model.peek();
    expect(model.status).toBe('ready');
    ask.mockRejectedValue(failure('offline'));
    await model.peek();
    expect([model.status, model.snapshot?.devices.length]).toEqual(['stale', 1]);
  });

  it('hides an alarm that was dismissed, and one that was over already', async () => {
    const alarm = {
      id: 'idle:GPU-a',
      kind: 'idle' as const,
      device_id: 'GPU-a',
      job_id: null,
      rank: null,
      since: '2026-11-23T05:31:00Z',
      engine: 0,
      usd_per_hour: null,
      message: 'GPU 0 is at 0 %'
    };
    jest.spyOn(model.client, 'snapshot').mockResolvedValue(makeSnapshot({ alarms: [alarm] }));
    await model.peek();
    const dismiss = jest.spyOn(model.client, 'dismiss').mockResolvedValue(undefined);
    await model.dismiss(alarm.id);
    expect(model.snapshot?.alarms).toEqual([]);
    dismiss.mockRejectedValue(failure('problem', 500));
    await expect(model.dismiss(alarm.id)).rejects.toThrow();
  });

  it('tells of a subscription that could not be served', () => {
    const look = model.look();
    FakeWebSocket.last.say({ type: 'problem', job_id: null, problem: makeProblem({ detail: 'Too much.' }) });
    expect([model.status, model.problem?.message]).toEqual(['error', 'Too much.']);
    look.dispose();
  });
});

describe('rows of GPUs', () => {
  it('are slices under their card, jobs’ pods under their job by rank, others by place', () => {
    const card = makeDevice({ id: 'GPU-b', index: 1 });
    const slice = makeDevice({ id: 'MIG-1', parent_uuid: 'GPU-b', kind: 'slice', index: null });
    const snapshot = makeSnapshot({
      devices: [slice, makePodDevice(1), makePodDevice(0), card, makeDevice({ job_id: 'job-1', rank: 2 })],
      groups: [makeGroup({ straggler_rank: 1 })]
    });
    const rows = rowsOf(snapshot, new Set());
    expect(rows.map(({ key, level }) => [key, level])).toEqual([
      ['place machine', 1],
      // By rank first: the one that a job holds.
      ['device GPU-a', 2],
      ['device GPU-b', 2],
      ['device MIG-1', 3],
      ['job job-1', 1],
      ['device GPU-0', 2],
      ['device GPU-1', 2]
    ]);
    expect(rows.filter(row => row.kind === 'device' && row.isStraggler).map(({ key }) => key)).toEqual([
      'device GPU-1'
    ]);
    expect(rows[0]).toMatchObject({ size: 3, slices: 1 });
  });

  it('of a large job are closed until it is opened', () => {
    const devices = Array.from({ length: 64 }, (_, rank) => makePodDevice(rank));
    const snapshot = makeSnapshot({ devices, groups: [makeGroup({ devices: 64 })] });
    expect(rowsOf(snapshot, new Set())).toHaveLength(1);
    expect(rowsOf(snapshot, new Set(['job job-1']))).toHaveLength(65);
  });
});
