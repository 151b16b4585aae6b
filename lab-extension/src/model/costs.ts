/** What a job costs by now, what sums lack, and which days a range has. Pure: the server counts, this only goes on. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { CostsClient } from '../api/costs';
import type { CostRow, Job } from '../api/types';
import { isFinal } from '../api/types';
import type { IWindlass } from '../tokens';

/**
 * What a job has cost by now in USD: what the server said, and what it costs an hour since; null: not known.
 *
 * @param elapsedSeconds - How long it has run by now; what has passed since the server spoke follows from it, so that
 * clocks that differ do not matter.
 */
export function costNow(job: Job, elapsedSeconds: number | null): number | null {
  const { cost_usd: usd, usd_per_hour: rate, duration_seconds: duration } = job;
  if (usd === null || rate === null || isFinal(job.state) || duration === null || elapsedSeconds === null) {
    return usd;
  }
  return usd + (rate * Math.max(0, elapsedSeconds - duration)) / 3600;
}

/** What a sum lacks, in words; null: nothing. */
export function lackText(row: CostRow, trans: TranslationBundle): string | null {
  return row.unknown_jobs === 0
    ? null
    : trans._n(
        'without %1 job, whose cost is not known',
        'without %1 jobs, whose cost is not known',
        row.unknown_jobs
      );
}

/** What a sum of idle time lacks, in words; null: nothing. */
export function idleLackText(row: CostRow, trans: TranslationBundle): string | null {
  return row.unknown_idle_jobs === 0
    ? null
    : trans._n(
        'without %1 job, whose use of GPUs is not known',
        'without %1 jobs, whose use of GPUs is not known',
        row.unknown_idle_jobs
      );
}

const DAY_MILLISECONDS = 86_400_000;

/** A day of UTC as `2026-11-23`. */
export function dayOf(moment: number): string {
  return new Date(moment).toISOString().slice(0, 10);
}

/** All days from one to another, both included; at most as many as given, and then the last of them. */
export function daysBetween(first: string, last: string, most: number): string[] {
  const [start, end] = [Date.parse(first), Date.parse(last)];
  const days: string[] = [];
  for (let day = end; day >= start && days.length < most; day -= DAY_MILLISECONDS) {
    days.unshift(dayOf(day));
  }
  return days;
}

const CLIENTS = new WeakMap<IWindlass, CostsClient>();

/** The calls about money of this browser tab. */
export function costsOf(windlass: IWindlass): CostsClient {
  const known = CLIENTS.get(windlass);
  const client = known ?? new CostsClient({ serverSettings: windlass.client.serverSettings });
  CLIENTS.set(windlass, client);
  return client;
}
