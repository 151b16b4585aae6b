/**
 * Brings the notebook on screen to disk, because what is on disk is what is sent; or says why it could not be.
 */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';

/** What became of saving. */
export type SaveOutcome =
  { readonly kind: 'saved' | 'unchanged' | 'notOpen' } | { readonly kind: 'failed'; readonly reason: string };

/**
 * Save a notebook if it has changes. Never throws.
 *
 * JupyterLab may ask the user something before it saves, and can do so only after the dialogs that are open: with one
 * open, give `timeoutMilliseconds`.
 */
export async function saveNotebook(
  context: DocumentRegistry.IContext<INotebookModel> | null,
  timeoutMilliseconds: number | null = null
): Promise<SaveOutcome> {
  if (!context) {
    return { kind: 'notOpen' };
  }
  if (!context.model.dirty) {
    return { kind: 'unchanged' };
  }
  try {
    await within(context.save(), timeoutMilliseconds);
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
  return { kind: 'saved' };
}

async function within(work: Promise<void>, timeoutMilliseconds: number | null): Promise<void> {
  if (timeoutMilliseconds === null) {
    return work;
  }
  let timer = 0;
  const timeout = new Promise<never>((_, reject) => {
    timer = window.setTimeout(
      () => reject(new Error('JupyterLab did not finish in time.')),
      timeoutMilliseconds
    );
  });
  return Promise.race([work, timeout]).finally(() => window.clearTimeout(timer));
}
