/** The plugins of Windlass; nothing else. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commands } from './plugins/commands';
import { core } from './plugins/core';
import { notebook } from './plugins/notebook';
import { notifications } from './plugins/notifications';
import { pages } from './plugins/pages';
import { saving } from './plugins/saving';
import { sidebar } from './plugins/sidebar';
import { statusbar } from './plugins/statusbar';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  core,
  commands,
  notebook,
  notifications,
  pages,
  saving,
  sidebar,
  statusbar
];

export * from './tokens';
export default plugins;
