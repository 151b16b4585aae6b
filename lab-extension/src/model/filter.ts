/** Which jobs the list shows. */
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { Job } from '../api/types';
import type { IWindlass } from '../tokens';

/** A text, and a notebook, that a job must match to be shown. */
export class JobFilter {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Words that must all occur in the job's name, notebook, state, experiment or id. */
  get text(): string {
    return this._text;
  }

  /** Narrow the list to jobs that match this text. */
  setText(text: string): void {
    if (text !== this._text) {
      this._text = text;
      this._changed.emit();
    }
  }

  /** Only jobs of this notebook; null for those of any. */
  get notebook(): string | null {
    return this._notebook;
  }

  /** Narrow the list to jobs of this notebook. */
  setNotebook(path: string | null): void {
    if (path !== this._notebook) {
      this._notebook = path;
      this._changed.emit();
    }
  }

  get isActive(): boolean {
    return this._notebook !== null || this._text.trim() !== '';
  }

  /** Show all jobs again. */
  clear(): void {
    if (this._notebook !== null || this._text !== '') {
      this._notebook = null;
      this._text = '';
      this._changed.emit();
    }
  }

  /** The jobs that match, in their order. */
  select(jobs: readonly Job[]): readonly Job[] {
    if (!this.isActive) {
      return jobs;
    }
    const words = this._text.toLowerCase().split(/\s+/).filter(Boolean);
    return jobs.filter(job => {
      const isOfNotebook = this._notebook === null || job.notebook === this._notebook;
      const text = [job.name, job.notebook, job.state, job.experiment, job.id].join('\n').toLowerCase();
      return isOfNotebook && words.every(word => text.includes(word));
    });
  }

  private readonly _changed = new Signal<this, void>(this);
  private _notebook: string | null = null;
  private _text = '';
}

const FILTERS = new WeakMap<IWindlass, JobFilter>();

/** The filter of this browser tab: the panel's field and the command turn the same one. */
export function filterOf(windlass: IWindlass): JobFilter {
  const known = FILTERS.get(windlass) ?? new JobFilter();
  FILTERS.set(windlass, known);
  return known;
}
