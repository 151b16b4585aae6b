/** Shows in the status bar how many jobs are under way; what is shown is fetched when the first one is. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { IWindlassLoader } from '../tokens';

export const statusbar: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:statusbar',
  description: 'Shows the number of jobs under way in the status bar.',
  autoStart: true,
  requires: [IWindlassLoader, IStatusBar],
  activate: (app: JupyterFrontEnd, loader: IWindlassLoader, statusBar: IStatusBar): void => {
    loader.onLoad(async windlass => {
      const { addStatusItem } = await import(/* webpackChunkName: "live" */ '../live/statusbar');
      addStatusItem(statusBar, windlass, app.commands);
    });
  }
};
