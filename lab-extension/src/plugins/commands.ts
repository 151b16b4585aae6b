/** Has the commands on jobs added as soon as there are jobs. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IWindlassLoader } from '../tokens';

export const commands: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:commands',
  description: 'Adds the commands to stop, rerun and delete jobs.',
  autoStart: true,
  requires: [IWindlassLoader],
  optional: [ICommandPalette, INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    loader: IWindlassLoader,
    palette: ICommandPalette | null,
    notebooks: INotebookTracker | null
  ): void => {
    loader.onLoad(async windlass => {
      const { addCommands } = await import(/* webpackChunkName: "live" */ '../live/commands');
      addCommands({ app, windlass, palette, notebooks });
    });
  }
};
