/** Devices and snapshots for tests, but for what is given. */
import type {
  GpuDevice,
  GpuHistory,
  GpuLine,
  GpuReading,
  GpuSnapshot,
  JobGpuGroup,
  JobGpus
} from '../api/types';

export const GIB = 1024 ** 3;

/** A moment of a device at work. */
export function makeReading(given: Partial<GpuReading> = {}): GpuReading {
  return {
    at: 1000,
    engine: 0.87,
    memory_bytes: 8 * GIB,
    power_watts: 312.4,
    temperature_celsius: 61,
    sm_clock_mhz: 1410,
    dram: null,
    tensor: null,
    pcie_bytes_per_second: null,
    xid: null,
    ...given
  };
}

/** A card of this machine. */
export function makeDevice(given: Partial<GpuDevice> = {}): GpuDevice {
  const id = given.id ?? 'GPU-a';
  return {
    id,
    uuid: id,
    parent_uuid: null,
    kind: 'card',
    name: 'NVIDIA A100-SXM4-40GB',
    index: 0,
    node: null,
    mig_profile: null,
    memory_total_bytes: 40 * GIB,
    job_id: null,
    rank: null,
    pod: null,
    owners: [],
    owners_known: true,
    usd_per_hour: null,
    idle_since: null,
    now: makeReading(),
    sources: ['nvml'],
    problem: null,
    ...given
  };
}

/** A device of a job's pod. */
export function makePodDevice(rank: number, given: Partial<GpuDevice> = {}): GpuDevice {
  return makeDevice({
    id: `GPU-${rank}`,
    node: 'node-1',
    job_id: 'job-1',
    rank,
    pod: `resnet-${rank}`,
    ...given
  });
}

/** The devices of a job together. */
export function makeGroup(given: Partial<JobGpuGroup> = {}): JobGpuGroup {
  return {
    job_id: 'job-1',
    name: 'resnet',
    devices: 4,
    engine: { least: 0.04, mean: 0.7, most: 0.98, known: 4 },
    memory_fraction: { least: 0.2, mean: 0.2, most: 0.2, known: 4 },
    straggler_rank: null,
    usd_per_hour: null,
    usd: null,
    ...given
  };
}

/** What there is to see. */
export function makeSnapshot(given: Partial<GpuSnapshot> = {}): GpuSnapshot {
  return {
    at: '1970-01-01T00:16:40Z',
    devices: [makeDevice()],
    pods: [],
    groups: [],
    alarms: [],
    conditions: [],
    server: null,
    engine: 0.87,
    usd_per_hour: null,
    usd_note: null,
    ...given
  };
}

/** A device's readings along the times of a history. */
export function makeLine(given: Partial<GpuLine> = {}): GpuLine {
  return {
    device_id: 'GPU-a',
    label: 'NVIDIA A100-SXM4-40GB',
    job_id: null,
    rank: null,
    memory_total_bytes: 40 * GIB,
    engine: [0.5, 1],
    memory_bytes: [GIB, 3 * GIB],
    power_watts: [100, 300],
    source: 'nvml',
    ...given
  };
}

/** Ten seconds of one device, read twice. */
export function makeHistory(given: Partial<GpuHistory> = {}): GpuHistory {
  return {
    start: 990,
    end: 1000,
    step_seconds: 10,
    times: [990, 1000],
    lines: [makeLine()],
    usd: [],
    conditions: [],
    ...given
  };
}

/** A job's devices over its life. */
export function makeJobGpus(given: Partial<JobGpus> = {}): JobGpus {
  const history = makeHistory({ lines: [makeLine({ job_id: 'job-1', rank: 0 })], usd: [0, 500] });
  return { job_id: 'job-1', live: false, history, usage: null, alarms: [], ...given };
}
