/**
 * Saves the notebook on screen when the server half asks for it.
 *
 * `%train` runs in a kernel that is busy with it, so it cannot ask the browser itself: the server does, over the socket,
 * and goes on with the answer.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IWindlassLoader } from '../tokens';

export const saving: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:saving',
  description: 'Saves an open notebook when %train or the command line asks for it.',
  autoStart: true,
  requires: [IWindlassLoader, INotebookTracker],
  activate: (app: JupyterFrontEnd, loader: IWindlassLoader, notebooks: INotebookTracker): void => {
    loader.onLoad(async ({ socket }) => {
      const { saveResponder } = await import(/* webpackChunkName: "live" */ '../live/saving');
      socket.saveResponder = saveResponder(notebooks, app.serviceManager.contents);
    });
  }
};
