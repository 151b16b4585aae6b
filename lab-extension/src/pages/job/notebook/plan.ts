/**
 * What must change on the screen when the executed notebook has changed: as little as possible.
 *
 * The notebook comes as a whole each time; most of its cells are as they were. Pure.
 */
import type { INotebookContent, IOutput, MultilineString } from '@jupyterlab/nbformat';
import { JSONExt } from '@lumino/coreutils';

/** A cell as it is shown. */
export interface IShownCell {
  /** Tells whether it is the same cell as before. */
  readonly key: string;
  readonly kind: 'code' | 'markdown' | 'raw';
  readonly source: string;
  readonly executionCount: number | null;
  readonly outputs: readonly IOutput[];
  /** POSIX milliseconds; null: not yet. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Why it was not run; null when it was, or will be. */
  readonly skipped: string | null;
}

/** What to do about outputs: set them from `from` on, or all anew. */
export type OutputsChange =
  { readonly kind: 'none' } | { readonly kind: 'from'; readonly from: number } | { readonly kind: 'all' };

/** Read a notebook; whatever in it is odd is taken as missing. */
export function readCells(notebook: INotebookContent): IShownCell[] {
  return notebook.cells.map((cell, index) => {
    const metadata = asRecord(cell.metadata);
    const execution = asRecord(metadata.execution);
    const windlass = asRecord(metadata.windlass);
    const count = cell.execution_count;
    return {
      key: typeof cell.id === 'string' ? cell.id : `#${index}`,
      kind: cell.cell_type === 'code' || cell.cell_type === 'markdown' ? cell.cell_type : 'raw',
      source: join(cell.source),
      executionCount: typeof count === 'number' ? count : null,
      outputs: Array.isArray(cell.outputs) ? (cell.outputs as IOutput[]) : [],
      startedAt: moment(execution['iopub.execute_input'] ?? execution['iopub.status.busy']),
      endedAt: moment(execution['shell.execute_reply'] ?? execution['iopub.status.idle']),
      skipped: typeof windlass.skipped === 'string' ? windlass.skipped : null
    };
  });
}

/** The language of a notebook's code, for colours. */
export function languageOf(notebook: INotebookContent): string {
  const { language_info: info, kernelspec } = notebook.metadata;
  return info?.name ?? (typeof kernelspec?.language === 'string' ? kernelspec.language : 'python');
}

/** Whether a cell can stay and be updated, or must be made anew. */
export function isSameCell(before: IShownCell, after: IShownCell): boolean {
  return before.key === after.key && before.kind === after.kind && before.source === after.source;
}

/** What to do about a cell's outputs. */
export function planOutputs(before: readonly IOutput[], after: readonly IOutput[]): OutputsChange {
  const same = before.findIndex((output, index) => !isEqual(output, after[index]));
  const from = same === -1 ? before.length : same;
  if (from === before.length && before.length === after.length) {
    return { kind: 'none' };
  }
  return after.length < before.length ? { kind: 'all' } : { kind: 'from', from };
}

function isEqual(a: IOutput, b: IOutput | undefined): boolean {
  return b !== undefined && JSONExt.deepEqual(a, b);
}

function join(text: MultilineString): string {
  return Array.isArray(text) ? text.join('') : text;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function moment(value: unknown): number | null {
  const time = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}
