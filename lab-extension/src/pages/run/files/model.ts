/** The files of a run and of its models as a tree that is read folder by folder. */
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ExperimentsClient } from '../../../api/experiments';
import { toWindlassError, type WindlassError } from '../../../api/errors';
import type { Artifact } from '../../../api/types';

/** Files under one name: the run's own, or those of a LoggedModel. */
export interface IRoot {
  readonly label: string;
  /** null: the run's own. */
  readonly modelId: string | null;
}

/** A row of the tree. */
export interface IFileRow {
  readonly key: string;
  readonly root: IRoot;
  readonly depth: number;
  /** Relative to its root; empty: the root itself. */
  readonly path: string;
  readonly label: string;
  readonly kind: 'folder' | 'file' | 'more' | 'loading' | 'problem' | 'nothing';
  readonly sizeBytes: number | null;
  readonly isExpanded: boolean;
}

interface IFolder {
  readonly items: readonly Artifact[];
  readonly cursor: string | null;
  readonly isLoading: boolean;
  readonly problem: WindlassError | null;
}

const NEW: IFolder = { items: [], cursor: null, isLoading: false, problem: null };

/** What is known of the tree, and what of it is open. */
export class FilesModel {
  constructor(options: { client: ExperimentsClient; runId: string; roots: readonly IRoot[] }) {
    this._client = options.client;
    this._runId = options.runId;
    this._roots = options.roots;
    for (const root of options.roots) {
      // What is there is seen at once; a model's files are many and of interest to few.
      if (root.modelId === null || options.roots.length === 1) {
        this.toggle(keyOf(root, ''));
      }
    }
  }

  /** The rows have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The same array until something changes. */
  get rows(): readonly IFileRow[] {
    this._rows ??= this._roots.flatMap(root => this._rowsOf(root, '', root.label, 0));
    return this._rows;
  }

  /** Why a folder could not be read. */
  problemOf(row: IFileRow): WindlassError | null {
    return this._folders.get(keyOf(row.root, row.path))?.problem ?? null;
  }

  /** Open a folder, or close it. */
  toggle(key: string): void {
    if (!this._open.delete(key)) {
      this._open.add(key);
      const folder = this._folders.get(key);
      if (!folder || folder.problem) {
        void this.read(key);
      }
    }
    this._emit();
  }

  /** Read a folder, or the next page of it. */
  async read(key: string): Promise<void> {
    const before = this._folders.get(key) ?? NEW;
    if (before.isLoading) {
      return;
    }
    this._set(key, { ...before, isLoading: true, problem: null });
    const [modelId, path] = placeOf(key);
    try {
      const place = { path, model_id: modelId, cursor: before.cursor };
      const page = await this._client.files(this._runId, place);
      const items = before.cursor === null ? page.items : [...before.items, ...page.items];
      this._set(key, { items, cursor: page.next_cursor, isLoading: false, problem: null });
    } catch (error) {
      this._set(key, { ...before, isLoading: false, problem: toWindlassError(error) });
    }
  }

  private _rowsOf(root: IRoot, path: string, label: string, depth: number): IFileRow[] {
    const key = keyOf(root, path);
    const isExpanded = this._open.has(key);
    const own: IFileRow = { key, root, depth, path, label, kind: 'folder', sizeBytes: null, isExpanded };
    if (!isExpanded) {
      return [own];
    }
    const folder = this._folders.get(key) ?? NEW;
    const inside = folder.items.flatMap(item => {
      const name = item.path.slice(item.path.lastIndexOf('/') + 1);
      const file = { ...own, key: keyOf(root, item.path), depth: depth + 1, path: item.path, label: name };
      return item.is_folder
        ? this._rowsOf(root, item.path, name, depth + 1)
        : [{ ...file, kind: 'file' as const, sizeBytes: item.size_bytes, isExpanded: false }];
    });
    const kind = noteOf(folder);
    const note = kind && { ...own, key: `${key}#`, depth: depth + 1, kind, label: '', isExpanded: false };
    return [own, ...inside, ...(note ? [note] : [])];
  }

  private _set(key: string, folder: IFolder): void {
    this._folders.set(key, folder);
    this._emit();
  }

  private _emit(): void {
    this._rows = null;
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _client: ExperimentsClient;
  private readonly _folders = new Map<string, IFolder>();
  private readonly _open = new Set<string>();
  private readonly _roots: readonly IRoot[];
  private _rows: readonly IFileRow[] | null = null;
  private readonly _runId: string;
}

function noteOf({ items, cursor, isLoading, problem }: IFolder): IFileRow['kind'] | null {
  if (isLoading) {
    return 'loading';
  }
  if (problem) {
    return 'problem';
  }
  return cursor !== null ? 'more' : items.length === 0 ? 'nothing' : null;
}

/** Of a place in the tree; a model's id holds no slash. */
function keyOf(root: IRoot, path: string): string {
  return `${root.modelId ?? ''}/${path}`;
}

function placeOf(key: string): [modelId: string | null, path: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash) || null, key.slice(slash + 1)];
}
