/**
 * The jobs as last heard, newest first, and what a piece of news changes about them.
 *
 * It knows no server: `JobsModel` feeds it, and tells the world.
 */
import type { Job } from '../api/types';
import { isFinal } from '../api/types';

/** What a piece of news changed. */
export interface IStoreChange {
  /** Whether anything did. */
  isChanged: boolean;
  /** Jobs that have reached their end by it. */
  finished: readonly Job[];
}

/** How far a piece of news reaches. */
export interface INews {
  jobs: readonly Job[];
  removed?: readonly string[];
  /**
   * - `delta`: only what is in it has changed.
   * - `page`: the newest jobs there are; one that is younger than the oldest of them and not among them is gone.
   * - `whole`: all jobs there are.
   */
  reach: 'delta' | 'page' | 'whole';
}

/** Jobs by id and in order. */
export class JobStore {
  constructor(options: { now?: () => number } = {}) {
    this._now = options.now ?? (() => performance.now());
  }

  /** Newest first. The same array until something changes. */
  get jobs(): readonly Job[] {
    this._ordered ??= [...this._byId.values()].sort(newestFirst);
    return this._ordered;
  }

  get(id: string): Job | undefined {
    return this._byId.get(id);
  }

  /**
   * Seconds this job has run by now: what the server said, and what has passed since on this machine's clock, so that
   * clocks that differ do not matter.
   */
  elapsedSeconds(job: Job): number | null {
    if (job.duration_seconds === null || isFinal(job.state)) {
      return job.duration_seconds;
    }
    return job.duration_seconds + Math.max(0, this._now() - (this._heardAt.get(job) ?? this._now())) / 1000;
  }

  /** Take a piece of news. */
  apply(news: INews): IStoreChange {
    const before = this._revision;
    const finished = news.jobs.filter(job => this._take(job, news.reach));
    [...(news.removed ?? []), ...this._missingFrom(news)].forEach(id => this._drop(id));
    return { isChanged: this._revision !== before, finished };
  }

  /** Put one job in its place; returns whether it has reached its end by it. */
  private _take(job: Job, reach: INews['reach']): boolean {
    const known = this._byId.get(job.id);
    const isOld =
      known && (job.version === known.version || (job.version < known.version && reach === 'delta'));
    if (isOld) {
      return false;
    }
    this._byId.set(job.id, job);
    this._heardAt.set(job, this._now());
    this._touch();
    // One that is unknown and has ended is history in a list, and news in a delta.
    const hasLived = known ? !isFinal(known.state) : reach === 'delta';
    return hasLived && isFinal(job.state);
  }

  private _drop(id: string): void {
    if (this._byId.delete(id)) {
      this._touch();
    }
  }

  private _touch(): void {
    this._ordered = null;
    this._revision += 1;
  }

  private _missingFrom(news: INews): string[] {
    if (news.reach === 'delta') {
      return [];
    }
    const heard = new Set(news.jobs.map(job => job.id));
    const oldest = news.reach === 'page' ? news.jobs.at(-1) : undefined;
    if (news.reach === 'page' && !oldest) {
      return [];
    }
    return this.jobs
      .filter(job => !heard.has(job.id) && (!oldest || newestFirst(job, oldest) < 0))
      .map(job => job.id);
  }

  private readonly _byId = new Map<string, Job>();
  private readonly _heardAt = new WeakMap<Job, number>();
  private readonly _now: () => number;
  private _ordered: readonly Job[] | null = null;
  private _revision = 0;
}

function newestFirst(one: Job, other: Job): number {
  return compare(other.created_at, one.created_at) || compare(other.id, one.id);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
