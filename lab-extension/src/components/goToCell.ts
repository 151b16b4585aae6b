/**
 * Brings a cell of a notebook onto the screen, and the cursor to a line of it.
 *
 * It uses JupyterLab's own command to open documents, so that whoever calls it needs no document manager.
 */
import { NotebookPanel } from '@jupyterlab/notebook';
import type { CommandRegistry } from '@lumino/commands';

/** A place in a notebook. */
export interface ICellPlace {
  /** Path of the notebook, relative to the server's root. */
  readonly path: string;
  /** Index of the cell, from 0, every cell type counted. */
  readonly cell: number;
  /** Line in the cell, from 1. */
  readonly line?: number | null;
}

/** Open the notebook if need be and go there. A cell that is no longer there leads to the last one. */
export async function goToCell(commands: CommandRegistry, place: ICellPlace): Promise<void> {
  const opened: unknown = await commands.execute('docmanager:open', { path: place.path });
  if (!(opened instanceof NotebookPanel)) {
    return;
  }
  await opened.context.ready;
  await opened.revealed;
  const notebook = opened.content;
  const index = Math.min(place.cell, notebook.widgets.length - 1);
  const cell = notebook.widgets[index];
  if (!cell) {
    return;
  }
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index, 'center');
  notebook.mode = 'edit';
  await cell.ready;
  const line = Math.max(0, (place.line ?? 1) - 1);
  cell.editor?.setCursorPosition({ line: Math.min(line, cell.editor.lineCount - 1), column: 0 });
  cell.editor?.focus();
}
