/** The command that narrows the panel's jobs to those of the notebook on screen. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { filterIcon } from '@jupyterlab/ui-components';
import { CommandIDs } from '../commands';
import { filterOf } from '../model/filter';
import type { IWindlass } from '../tokens';

/** What the command needs. */
export interface IFilterOptions {
  readonly app: JupyterFrontEnd;
  readonly windlass: IWindlass;
  readonly palette: ICommandPalette | null;
  readonly notebooks: INotebookTracker | null;
}

/** Add the command. */
export function addFilterCommand({ app, windlass, palette, notebooks }: IFilterOptions): void {
  const { commands, serviceManager } = app;
  const { trans } = windlass;
  const filter = filterOf(windlass);
  const notebookOnScreen = (): string | null => {
    const path = notebooks?.currentWidget?.context.path;
    return path === undefined ? null : serviceManager.contents.localPath(path);
  };
  commands.addCommand(CommandIDs.filterNotebook, {
    label: args => (args.toolbar ? '' : trans.__('Show Only Jobs of This Notebook')),
    caption: trans.__('Show only jobs of the notebook on screen'),
    icon: filterIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    isToggled: () => filter.notebook !== null,
    isEnabled: () => filter.notebook !== null || notebookOnScreen() !== null,
    execute: async () => {
      filter.setNotebook(filter.notebook === null ? notebookOnScreen() : null);
      await commands.execute(CommandIDs.showPanel);
    }
  });
  const update = (): void => commands.notifyCommandChanged(CommandIDs.filterNotebook);
  filter.changed.connect(update);
  notebooks?.currentChanged.connect(update);
  palette?.addItem({ command: CommandIDs.filterNotebook, category: trans.__('Windlass') });
}
