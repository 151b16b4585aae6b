/** New readings put in their places among what is known of GPUs. Pure. */
import type { GpuDevice, GpuReading, GpuReadingsEvent, GpuSnapshot, JobGpuGroup, Spread } from '../api/types';

/** The snapshot with new readings; what readings do not tell of stays as it was. */
export function withReadings(snapshot: GpuSnapshot, event: GpuReadingsEvent): GpuSnapshot {
  const devices = snapshot.devices.map(device => ({ ...device, now: event.readings[device.id] ?? null }));
  return {
    ...snapshot,
    at: laterOf(snapshot.at, Object.values(event.readings)),
    devices,
    groups: snapshot.groups.map(group => regrouped(group, devices, event)),
    engine: event.engine,
    usd_per_hour: event.usd_per_hour
  };
}

/** When the newest reading was taken: the clock of what is shown goes on with readings alone, too. */
function laterOf(at: string, readings: readonly GpuReading[]): string {
  const newest = Math.max(...readings.map(reading => reading.at * 1000));
  return newest > Date.parse(at) ? new Date(newest).toISOString() : at;
}

function regrouped(group: JobGpuGroup, devices: readonly GpuDevice[], event: GpuReadingsEvent): JobGpuGroup {
  const held = devices.filter(device => device.job_id === group.job_id);
  return {
    ...group,
    engine: spreadOf(held.map(device => device.now?.engine ?? null)),
    memory_fraction: spreadOf(held.map(memoryFraction)),
    usd: event.job_usd[group.job_id] ?? null
  };
}

/** Part of its memory that is in use, 0 to 1; null: not known. */
export function memoryFraction({ now, memory_total_bytes: total }: GpuDevice): number | null {
  const used = now?.memory_bytes ?? null;
  return used === null || !total ? null : used / total;
}

/** Least, mean and most of those that are known. */
export function spreadOf(values: readonly (number | null)[]): Spread {
  const known = values.filter(value => value !== null);
  if (known.length === 0) {
    return { least: null, mean: null, most: null, known: 0 };
  }
  const sum = known.reduce((total, value) => total + value, 0);
  return {
    least: Math.min(...known),
    mean: sum / known.length,
    most: Math.max(...known),
    known: known.length
  };
}
