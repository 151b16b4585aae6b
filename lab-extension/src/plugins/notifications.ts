/** Tells the user when a job has ended while this browser tab was watching. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IWindlassLoader } from '../tokens';

export const notifications: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:notifications',
  description: 'Notifies of jobs that have ended.',
  autoStart: true,
  requires: [IWindlassLoader],
  activate: (app: JupyterFrontEnd, loader: IWindlassLoader): void => {
    loader.onLoad(async windlass => {
      const { notifyOfEnds } = await import(/* webpackChunkName: "live" */ '../live/notifications');
      notifyOfEnds(windlass, app.commands);
    });
  }
};
