/** Puts the Windlass panel beside the file browser. Only its tab is made at start-up; the rest when it is first shown. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs } from '../commands';
import { windlassIcon } from '../icons';
import { LazyPanel } from '../sidebar/lazy';
import { IWindlassLoader } from '../tokens';

/** JupyterLab asks extensions to stay between 501 and 899. */
const RANK = 600;

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:sidebar',
  description: 'Adds the Windlass panel to the left area.',
  autoStart: true,
  requires: [IWindlassLoader],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    loader: IWindlassLoader,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('windlass');
    const { commands } = app;
    const panel = new LazyPanel({
      make: async () => {
        const [windlass, { makePanel }] = await Promise.all([
          loader.load(),
          import(/* webpackChunkName: "live" */ '../live/panel')
        ]);
        return makePanel({ commands, translator, windlass });
      },
      trans
    });
    panel.id = 'windlass-panel';
    panel.title.icon = windlassIcon;
    panel.title.caption = trans.__('Windlass: jobs, GPUs, experiments, models, deployments');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Windlass'));
    app.shell.add(panel, 'left', { rank: RANK, type: 'Windlass' });
    restorer?.add(panel, panel.id);

    commands.addCommand(CommandIDs.showPanel, {
      label: trans.__('Show Windlass Panel'),
      caption: trans.__('Show the jobs, GPUs, experiments, models and deployments'),
      icon: windlassIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => app.shell.activateById(panel.id)
    });
    palette?.addItem({ command: CommandIDs.showPanel, category: trans.__('Windlass') });
  }
};
