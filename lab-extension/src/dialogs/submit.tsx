/** Opens the submit dialog for a notebook. */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { CommandRegistry } from '@lumino/commands';
import '../../style/components.css';
import '../../style/controls.css';
import '../../style/dialogs.css';
import type { Job } from '../api/types';
import { goToCell } from '../components/goToCell';
import type { IWindlass } from '../tokens';
import { SubmitDialog } from './dialog';
import type { IMemoryStore } from './memory';
import { keepDraft, recall, remember } from './memory';
import { SubmitModel } from './model';
import { saveNotebook } from './save';

/** What the submit dialog is opened with. */
export interface ISubmitDialogOptions {
  readonly windlass: IWindlass;
  readonly commands: CommandRegistry;
  /** The notebook on screen; null when it is not open. */
  readonly context: DocumentRegistry.IContext<INotebookModel> | null;
  /** The notebook, relative to the server's root. */
  readonly path: string;
  /** Where last choices are remembered; JupyterLab's state database does. */
  readonly store?: IMemoryStore | null;
}

/** Save the notebook, ask how to run it, and send it. The answer is the job, or null when nothing was sent. */
export async function openSubmitDialog(options: ISubmitDialogOptions): Promise<Job | null> {
  const { windlass, commands, context, path, store = null } = options;
  const saved = await saveNotebook(context);
  const form = await recall(path, store, windlass.settings);
  const model = new SubmitModel({ windlass, context, path, form, saved });
  const places: { cell: number; line: number | null }[] = [];
  const dialog = new SubmitDialog({
    model,
    onGoToCell: (cell, line) => {
      places.push({ cell, line });
      dialog.reject();
    }
  });
  model.start();
  await dialog.launch();
  const { job } = dialog;
  if (job) {
    await remember(path, model.form, store);
  } else {
    keepDraft(path, model.form);
  }
  model.dispose();
  for (const place of places) {
    await goToCell(commands, { path, ...place });
  }
  return job;
}
