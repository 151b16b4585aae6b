/** The last minutes of each device, for sparklines and for the end of charts. Pure but for what it keeps. */
import type { GpuHistory, GpuReading } from '../api/types';

/** How long is kept, in seconds. */
export const TRAIL_SECONDS = 300;

/** One moment of a device; null is unknown. */
export interface ITrailPoint {
  /** POSIX seconds. */
  readonly at: number;
  readonly engine: number | null;
  readonly memoryBytes: number | null;
  readonly powerWatts: number | null;
}

const NOTHING: readonly ITrailPoint[] = [];

/** Points by device, oldest first. */
export class GpuTrails {
  /** The same array until something is added. */
  of(deviceId: string): readonly ITrailPoint[] {
    return this._points.get(deviceId) ?? NOTHING;
  }

  /** Begin anew with what the server remembers. */
  restart(recent: GpuHistory): void {
    this._points.clear();
    for (const line of recent.lines) {
      const points = recent.times.map((at, index) => ({
        at,
        engine: line.engine[index] ?? null,
        memoryBytes: line.memory_bytes[index] ?? null,
        powerWatts: line.power_watts[index] ?? null
      }));
      this._points.set(line.device_id, points);
    }
  }

  /** Add what was read now; a reading that is known already is none. */
  add(readings: Readonly<Record<string, GpuReading>>): void {
    for (const [id, reading] of Object.entries(readings)) {
      const known = this.of(id);
      const last = known[known.length - 1];
      if (last === undefined || reading.at > last.at) {
        const oldest = reading.at - TRAIL_SECONDS;
        this._points.set(id, [...known.filter(({ at }) => at >= oldest), pointOf(reading)]);
      }
    }
  }

  private readonly _points = new Map<string, readonly ITrailPoint[]>();
}

function pointOf(reading: GpuReading): ITrailPoint {
  const { at, engine, memory_bytes: memoryBytes, power_watts: powerWatts } = reading;
  return { at, engine, memoryBytes, powerWatts };
}
