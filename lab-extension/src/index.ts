/** The plugins of Windlass; nothing else. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commands } from './plugins/commands';
import { core } from './plugins/core';
import { jobpage } from './plugins/jobpage';
import { notebook } from './plugins/notebook';
import { notifications } from './plugins/notifications';
import { saving } from './plugins/saving';
import { sidebar } from './plugins/sidebar';
import { statusbar } from './plugins/statusbar';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  core,
  commands,
  jobpage,
  notebook,
  notifications,
  saving,
  sidebar,
  statusbar
];

export * from './tokens';
export default plugins;
