/** GPUs as the rows of a list: places and jobs, their devices, slices under their card. Pure. */
import type { GpuDevice, GpuSnapshot, JobGpuGroup, PodUse } from '../api/types';

/** Where devices are that no job's pods hold: this machine, pods of notebook servers, other pods. */
export type GpuPlace = 'machine' | 'servers' | 'others';

/** The head of some devices. */
export interface IHeadRow {
  readonly kind: 'place' | 'job';
  readonly key: string;
  readonly level: 1;
  readonly place: GpuPlace | null;
  readonly group: JobGpuGroup | null;
  /** How many rows stand below it when it is open. */
  readonly size: number;
  /** How many of them are slices of others. */
  readonly slices: number;
  readonly isOpen: boolean;
}

/** A device. */
export interface IDeviceRow {
  readonly kind: 'device';
  readonly key: string;
  /** 3: a slice under its card. */
  readonly level: 2 | 3;
  readonly device: GpuDevice;
  /** Whether it stands below its job, which then needs no mention. */
  readonly isInJob: boolean;
  /** What the job that holds it is called; null: none does. */
  readonly jobName: string | null;
  /** Whether its rank stands out from the others. */
  readonly isStraggler: boolean;
  /** Whether its slices stand below it: they tell who uses it. */
  readonly isCut: boolean;
  /** What its pod uses beside GPUs, at the first device of the pod; null: told there, or not known. */
  readonly podUse: PodUse | null;
}

/** A pod of a job of whose devices nothing is known, or that has none. */
export interface IPodRow {
  readonly kind: 'pod';
  readonly key: string;
  readonly level: 2;
  readonly podUse: PodUse;
}

export type GpuRow = IHeadRow | IDeviceRow | IPodRow;

/** Jobs with more devices than these are closed until they are opened. */
export const OPEN_UP_TO = 8;

const PLACES: readonly GpuPlace[] = ['machine', 'servers', 'others'];

/**
 * The rows, from top to bottom.
 *
 * @param snapshot - What is known.
 * @param turned - Keys of heads that were opened or closed by hand.
 */
export function rowsOf(snapshot: GpuSnapshot, turned: ReadonlySet<string>): GpuRow[] {
  const inJobs = new Map(snapshot.groups.map(group => [group.job_id, [] as GpuDevice[]]));
  const inPlaces = new Map(PLACES.map(place => [place, [] as GpuDevice[]]));
  for (const device of snapshot.devices) {
    const job = device.node === null ? undefined : inJobs.get(device.job_id ?? '');
    (job ?? inPlaces.get(placeOf(device)))?.push(device);
  }
  const stragglers = new Map(snapshot.groups.map(group => [group.job_id, group.straggler_rank]));
  const names = new Map(snapshot.groups.map(group => [group.job_id, group.name]));
  const options: IUnderOptions = {
    turned,
    nameOf: ({ job_id: job }) => names.get(job ?? '') ?? null,
    isStraggler: ({ job_id: job, rank }) => rank !== null && stragglers.get(job ?? '') === rank,
    useOf: podUsesAtFirst(snapshot)
  };
  const places = PLACES.flatMap(place => {
    const devices = inPlaces.get(place) ?? [];
    const key = `place ${place}`;
    const head = { kind: 'place', place, group: null } as const;
    return devices.length > 0 ? under(key, head, { devices: inOrder(devices), pods: [] }, options) : [];
  });
  const withDevice = new Set(snapshot.devices.map(({ pod }) => pod));
  const jobs = snapshot.groups.flatMap(group => {
    const devices = inOrder(inJobs.get(group.job_id) ?? []);
    const pods = snapshot.pods.filter(({ job_id: job, pod }) => job === group.job_id && !withDevice.has(pod));
    const head = { kind: 'job', place: null, group } as const;
    return under(`job ${group.job_id}`, head, { devices, pods }, options);
  });
  return [...places, ...jobs];
}

/** What the pod of a device uses, for the first of the pod's devices in the order of rows. */
function podUsesAtFirst({ devices, pods }: GpuSnapshot): (device: GpuDevice) => PodUse | null {
  const uses = new Map(pods.map(use => [use.pod, use]));
  // Of several with one key a map keeps the last.
  const firsts = new Map(
    inOrder(devices)
      .reverse()
      .map(({ id, pod }) => [pod, id])
  );
  return ({ id, pod }) => (firsts.get(pod) === id ? (uses.get(pod ?? '') ?? null) : null);
}

function placeOf({ node, owners }: GpuDevice): GpuPlace {
  const isServers = owners.some(({ kind }) => kind === 'server');
  return node === null ? 'machine' : isServers ? 'servers' : 'others';
}

interface IUnderOptions {
  readonly turned: ReadonlySet<string>;
  readonly isStraggler: (device: GpuDevice) => boolean;
  readonly nameOf: (device: GpuDevice) => string | null;
  readonly useOf: (device: GpuDevice) => PodUse | null;
}

interface IBelow {
  readonly devices: readonly GpuDevice[];
  /** Without a device. */
  readonly pods: readonly PodUse[];
}

/** A head, and what is below it when it is open. */
function under(
  key: string,
  head: Pick<IHeadRow, 'kind' | 'place' | 'group'>,
  { devices, pods }: IBelow,
  { turned, isStraggler, nameOf, useOf }: IUnderOptions
): GpuRow[] {
  const isOpenAtFirst = head.kind === 'place' || devices.length <= OPEN_UP_TO;
  const isOpen = isOpenAtFirst !== turned.has(key);
  const cards = new Set(devices.map(({ uuid }) => uuid));
  const cut = new Set(devices.map(({ parent_uuid: parent }) => parent));
  const rows = devices.map((device): IDeviceRow => {
    const isSlice = device.parent_uuid !== null && cards.has(device.parent_uuid);
    return {
      kind: 'device',
      key: `device ${device.id}`,
      level: isSlice ? 3 : 2,
      device,
      isInJob: head.kind === 'job',
      jobName: nameOf(device),
      isStraggler: isStraggler(device),
      isCut: cut.has(device.uuid),
      podUse: useOf(device)
    };
  });
  const podRows = pods.map((podUse): IPodRow => ({
    kind: 'pod',
    key: `${key} pod ${podUse.pod}`,
    level: 2,
    podUse
  }));
  const slices = rows.filter(({ level }) => level === 3).length;
  const size = devices.length + pods.length;
  return [{ ...head, key, level: 1, size, slices, isOpen }, ...(isOpen ? [...rows, ...podRows] : [])];
}

/** By rank, node and index; slices after their card. */
function inOrder(devices: readonly GpuDevice[]): GpuDevice[] {
  const sorted = [...devices].sort(
    (one, other) =>
      (one.rank ?? Infinity) - (other.rank ?? Infinity) ||
      (one.node ?? '').localeCompare(other.node ?? '') ||
      (one.index ?? Infinity) - (other.index ?? Infinity) ||
      one.id.localeCompare(other.id)
  );
  const cards = new Set(sorted.map(({ uuid }) => uuid));
  const hasCard = ({ parent_uuid: parent }: GpuDevice): boolean => parent !== null && cards.has(parent);
  return sorted
    .filter(device => !hasCard(device))
    .flatMap(device => [
      device,
      ...sorted.filter(slice => hasCard(slice) && slice.parent_uuid === device.uuid)
    ]);
}
