/**
 * Runs as they were read, and the rows they make: nested runs under theirs, with what is to be said between them.
 *
 * It asks nothing of any server: `RunsModel` feeds it.
 */
import type { Run, RunPage } from '../api/types';
import { isLive } from '../api/types';

/** A run with the values that were asked for. */
export interface ILoadedRun {
  readonly run: Run;
  /** What `run.values` are of. */
  readonly columns: readonly string[];
}

/** A row of the list. */
export type IRunRow =
  | {
      readonly kind: 'run';
      readonly key: string;
      readonly loaded: ILoadedRun;
      readonly depth: number;
      /** Whether runs are nested under it; null: not known. */
      readonly isParent: boolean | null;
      readonly isExpanded: boolean;
    }
  | {
      readonly kind: 'note';
      readonly key: string;
      readonly depth: number;
      readonly note: IBranch['status'] | 'more' | 'none';
      readonly parentId: string;
    };

/** The runs nested under one. */
export interface IBranch {
  readonly items: readonly ILoadedRun[];
  readonly status: 'loading' | 'ready' | 'error';
  readonly cursor: string | null;
}

/** A value of a run; undefined: it was not asked for. */
export function valueOf({ run, columns }: ILoadedRun, column: string): number | string | null | undefined {
  const at = columns.indexOf(column);
  return at === -1 ? undefined : run.values[at];
}

/** The runs of a page with the columns they were asked with. */
export function loadedOf(page: RunPage): ILoadedRun[] {
  return page.items.map(run => ({ run, columns: page.columns }));
}

/** Runs at the top, runs under them, and which of those are shown. */
export class RunRows {
  /** The runs at the top, in their order. */
  get top(): readonly ILoadedRun[] {
    return this._top;
  }

  /** All rows. The same array until something changes. */
  get rows(): readonly IRunRow[] {
    this._rows ??= this._flatten();
    return this._rows;
  }

  /** Ids of runs on the list that may still change, the first ones first. */
  liveIds(limit: number): string[] {
    const ids: string[] = [];
    for (const row of this.rows) {
      if (row.kind === 'run' && isLive(row.loaded.run.status) && ids.push(row.loaded.run.id) === limit) {
        break;
      }
    }
    return ids;
  }

  /** Begin anew with these. */
  replace(items: readonly ILoadedRun[]): void {
    this._top = items;
    this._ids = new Set(items.map(({ run }) => run.id));
    this._rows = null;
  }

  /** Take the next page. A run that is there already, because others came before it meanwhile, is not taken twice. */
  append(items: readonly ILoadedRun[]): void {
    const fresh = items.filter(({ run }) => !this._ids.has(run.id));
    fresh.forEach(({ run }) => this._ids.add(run.id));
    this._top = [...this._top, ...fresh];
    this._rows = null;
  }

  /**
   * Take the first page as it is now. Runs that it had before and has no more were pushed down by new ones, or are gone:
   * as many stay as new ones came.
   */
  mergeFirst(items: readonly ILoadedRun[], hasMore: boolean): void {
    const now = new Set(items.map(({ run }) => run.id));
    const fresh = items.filter(({ run }) => !this._ids.has(run.id)).length;
    const before = this._top.slice(0, items.length).filter(({ run }) => !now.has(run.id));
    const pushed = before.slice(Math.max(0, before.length - fresh));
    const rest = this._top.slice(items.length).filter(({ run }) => !now.has(run.id));
    this.replace(hasMore ? [...items, ...pushed, ...rest] : items);
  }

  /** Take news of runs wherever they are. */
  update(items: readonly ILoadedRun[]): void {
    const news = new Map(items.map(item => [item.run.id, item]));
    const renew = (list: readonly ILoadedRun[]): readonly ILoadedRun[] =>
      list.some(({ run }) => news.has(run.id)) ? list.map(item => news.get(item.run.id) ?? item) : list;
    this._top = renew(this._top);
    for (const [id, branch] of this._branches) {
      this._branches.set(id, { ...branch, items: renew(branch.items) });
    }
    this._rows = null;
  }

  isExpanded(id: string): boolean {
    return this._expanded.has(id);
  }

  /** Show the runs under one, or no longer. */
  expand(id: string, isExpanded: boolean): void {
    if (isExpanded) {
      this._expanded.add(id);
    } else {
      this._expanded.delete(id);
    }
    this._rows = null;
  }

  branch(id: string): IBranch | null {
    return this._branches.get(id) ?? null;
  }

  /** Whether what is nested under a run was read, and nothing was nested there since. */
  isRead(id: string): boolean {
    const branch = this.branch(id);
    return branch?.status === 'ready' && (branch.items.length > 0 || !this._parents.has(id));
  }

  setBranch(id: string, branch: IBranch): void {
    this._branches.set(id, branch);
    this._rows = null;
  }

  /**
   * Say under which runs others are nested.
   *
   * @param isComplete - Whether these are all; null when nested runs are not grouped at all.
   */
  setParents(ids: Iterable<string>, isComplete: boolean | null): void {
    this._parents = new Set(ids);
    this._areParentsComplete = isComplete;
    this._rows = null;
  }

  /** Forget what is nested. */
  collapseAll(): void {
    this._branches.clear();
    this._expanded.clear();
    this._rows = null;
  }

  private _flatten(): IRunRow[] {
    const rows: IRunRow[] = [];
    this._top.forEach(loaded => this._add(rows, loaded, 0));
    return rows;
  }

  private _add(rows: IRunRow[], loaded: ILoadedRun, depth: number): void {
    const { id } = loaded.run;
    const isExpanded = this._expanded.has(id);
    const key = depth === 0 ? id : `${loaded.run.parent_id}/${id}`;
    rows.push({ kind: 'run', key, loaded, depth, isParent: this._isParent(id), isExpanded });
    const branch = isExpanded ? this._branches.get(id) : undefined;
    if (!branch) {
      return;
    }
    // A run that says it is nested under itself, however far round, is not followed.
    branch.items
      .filter(item => depth < 8 && item.run.id !== id)
      .forEach(item => this._add(rows, item, depth + 1));
    const isEmpty = branch.status === 'ready' && branch.items.length === 0;
    const note = isEmpty
      ? 'none'
      : branch.status === 'ready' && branch.cursor !== null
        ? 'more'
        : branch.status;
    if (note !== 'ready') {
      rows.push({ kind: 'note', key: `${key}#`, depth: depth + 1, note, parentId: id });
    }
  }

  private _isParent(id: string): boolean | null {
    if (this._areParentsComplete === null) {
      return false;
    }
    const branch = this._branches.get(id);
    if (this._parents.has(id)) {
      return true;
    }
    return branch?.status === 'ready' ? branch.items.length > 0 : this._areParentsComplete ? false : null;
  }

  private _areParentsComplete: boolean | null = null;
  private readonly _branches = new Map<string, IBranch>();
  private readonly _expanded = new Set<string>();
  private _ids = new Set<string>();
  private _parents: ReadonlySet<string> = new Set();
  private _rows: IRunRow[] | null = null;
  private _top: readonly ILoadedRun[] = [];
}
