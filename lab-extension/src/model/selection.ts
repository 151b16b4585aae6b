/** The runs the user has chosen to compare, wherever they were chosen: in the panel, in a table, on a run's page. */
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

/** So many runs can be put side by side. */
export const MOST_COMPARED = 100;

/** Ids of runs in the order they were chosen. */
export class RunSelection {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The same array until something changes. */
  get ids(): readonly string[] {
    return this._ids;
  }

  has(id: string): boolean {
    return this._set.has(id);
  }

  /** Choose these runs, or no longer; those over the limit are left out. */
  set(ids: readonly string[], isChosen: boolean): void {
    const before = this._set.size;
    for (const id of ids) {
      if (!isChosen) {
        this._set.delete(id);
      } else if (this._set.size < MOST_COMPARED) {
        this._set.add(id);
      }
    }
    if (this._set.size !== before) {
      this._ids = [...this._set];
      this._changed.emit();
    }
  }

  /** Choose a run, or no longer. */
  toggle(id: string): void {
    this.set([id], !this._set.has(id));
  }

  /** Choose none. */
  clear(): void {
    this.set(this._ids, false);
  }

  private readonly _changed = new Signal<this, void>(this);
  private _ids: readonly string[] = [];
  private readonly _set = new Set<string>();
}
