/** Puts the Windlass panel beside the file browser. Only its tab is made at start-up; the rest when it is first shown. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { filterIcon } from '@jupyterlab/ui-components';
import { CommandIDs } from '../commands';
import { windlassIcon } from '../icons';
import { JobFilter } from '../model/filter';
import { LazyPanel } from '../sidebar/lazy';
import { IWindlassLoader } from '../tokens';

/** JupyterLab asks extensions to stay between 501 and 899. */
const RANK = 600;

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:sidebar',
  description: 'Adds the Windlass panel to the left area.',
  autoStart: true,
  requires: [IWindlassLoader],
  optional: [ITranslator, ILayoutRestorer, INotebookTracker, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    loader: IWindlassLoader,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('windlass');
    const { commands } = app;
    const filter = new JobFilter();
    const panel = new LazyPanel({
      make: async () => {
        const [windlass, { WindlassPanel }] = await Promise.all([loader.load(), import('../sidebar/panel')]);
        return new WindlassPanel({ commands, filter, translator, windlass });
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
    const { contents } = app.serviceManager;
    const notebookOnScreen = (): string | null => {
      const path = notebooks?.currentWidget?.context.path;
      return path === undefined ? null : contents.localPath(path);
    };
    commands.addCommand(CommandIDs.filterNotebook, {
      label: args => (args.toolbar ? '' : trans.__('Show Only Jobs of This Notebook')),
      caption: trans.__('Show only jobs of the notebook on screen'),
      icon: filterIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      isToggled: () => filter.notebook !== null,
      isEnabled: () => filter.notebook !== null || notebookOnScreen() !== null,
      execute: () => {
        filter.setNotebook(filter.notebook === null ? notebookOnScreen() : null);
        app.shell.activateById(panel.id);
      }
    });
    const update = (): void => commands.notifyCommandChanged(CommandIDs.filterNotebook);
    filter.changed.connect(update);
    notebooks?.currentChanged.connect(update);
    const category = trans.__('Windlass');
    palette?.addItem({ command: CommandIDs.showPanel, category });
    palette?.addItem({ command: CommandIDs.filterNotebook, category });
  }
};
