/**
 * What is asked about the runs of an experiment: a page, the next one, nested runs, those that may have changed.
 *
 * It keeps the question (view, filter, columns) and no answers.
 */
import { JSONExt } from '@lumino/coreutils';
import { WindlassError } from '../api/errors';
import type { ColumnList, RunPage, RunSearch } from '../api/types';
import { firstColumns, isAsked } from './columns';
import type { ITracked } from './experiments';

/** How many runs a page has. */
const PAGE_RUNS = 100;

const NESTED = 'tags.`mlflow.parentRunId` IS NOT NULL';

/** Asks for runs as the user looks at them. Every call may throw a `WindlassError`. */
export class RunPages {
  constructor(options: { experimentId: string; tracked: Pick<ITracked, 'client' | 'views'> }) {
    this._experimentId = options.experimentId;
    this._tracked = options.tracked;
  }

  /** What runs are shown by, in order. */
  columns: readonly string[] = [];

  /** What runs can be shown, sorted and filtered by; null: not known yet. */
  known: ColumnList | null = null;

  /** MLflow's filter syntax; empty: all. */
  filter = '';

  /** Whether nested runs stand under theirs: those that a filter finds are shown by themselves. */
  get isGrouped(): boolean {
    return this._tracked.views.get(this._experimentId).isGrouped && this._canGroup && this.filter === '';
  }

  /** What is asked; with other columns in view, when they are given. */
  question(columns: readonly string[] = this.columns): RunSearch {
    const { sort, descending } = this._tracked.views.get(this._experimentId);
    return {
      experiment_ids: [this._experimentId],
      filter: this.filter,
      sort,
      descending,
      columns: columns.filter(isAsked),
      top_level: this.isGrouped,
      limit: PAGE_RUNS
    };
  }

  /** Learn what runs can be shown by. */
  async readColumns(): Promise<void> {
    this.known = await this._tracked.client.columns([this._experimentId]);
    this.chooseColumns();
  }

  /** Have the columns that the user chose, or the first there are. The same array while they are the same. */
  chooseColumns(): void {
    const columns = this._tracked.views.get(this._experimentId).columns ?? firstColumns(this.known);
    if (!JSONExt.deepEqual([...columns], [...this.columns])) {
      this.columns = columns;
    }
  }

  /** The first page; without groups where the server cannot tell which runs are nested. */
  async first({ cached = false } = {}): Promise<RunPage> {
    try {
      return await this._tracked.client.search({ ...this.question(), cached });
    } catch (error) {
      const cannotGroup = error instanceof WindlassError && error.fieldMessage('top_level') !== null;
      if (!cannotGroup) {
        throw error;
      }
      this._canGroup = false;
      return this._tracked.client.search({ ...this.question(), cached });
    }
  }

  /** The page behind another. */
  async next(cursor: string): Promise<RunPage> {
    return this._tracked.client.search({ ...this.question(), cursor });
  }

  /** Runs nested under one, the newest first. */
  async nestedUnder(parent: string, cursor: string | null): Promise<RunPage> {
    const rest = { filter: '', sort: 'attributes.start_time', descending: true, top_level: false };
    return this._tracked.client.search({ ...this.question(), ...rest, parent, cursor });
  }

  /** The newest runs that are nested under any. */
  async nested(): Promise<RunPage> {
    const ask = { experiment_ids: [this._experimentId], filter: NESTED, limit: PAGE_RUNS };
    return this._tracked.client.search(ask);
  }

  /** These runs, as they are now. */
  async these(ids: readonly string[]): Promise<RunPage> {
    const filter = `attributes.run_id IN (${ids.map(id => `'${id}'`).join(', ')})`;
    return this._tracked.client.search({ ...this.question(), filter, top_level: false });
  }

  private _canGroup = true;
  private readonly _experimentId: string;
  private readonly _tracked: Pick<ITracked, 'client' | 'views'>;
}
