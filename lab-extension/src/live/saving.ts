/** Saves an open notebook and says what became of it. */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { ISaveOutcome, SaveResponder } from '../api/socket';

/** Answers requests to save notebooks that are open in this browser tab. */
export function saveResponder(notebooks: INotebookTracker, contents: Contents.IManager): SaveResponder {
  return async path => {
    const panel = notebooks.find(candidate => contents.localPath(candidate.context.path) === path);
    return panel ? save(panel) : { result: 'not_open' };
  };
}

/** Save what is on screen; says `saved` only when nothing unsaved is left. */
async function save({ context }: NotebookPanel): Promise<ISaveOutcome> {
  const { model } = context;
  await context.ready;
  if (!model.dirty && !model.collaborative) {
    return { result: 'unchanged' };
  }
  if (context.contentsModel?.writable === false) {
    return { result: 'failed', message: 'The notebook is read-only.' };
  }
  try {
    await context.save();
  } catch (error) {
    return { result: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
  return model.dirty
    ? { result: 'failed', message: 'The notebook could not be saved.' }
    : { result: 'saved' };
}
