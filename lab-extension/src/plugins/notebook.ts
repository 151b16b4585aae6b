/** *Train* for the notebook on screen: its command, and its place in the palette. The toolbar button is in the schema. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs } from '../commands';
import { windlassIcon } from '../icons';
import { IWindlassLoader } from '../tokens';

export const notebook: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:notebook',
  description: 'Adds the command that sends the notebook on screen as a job.',
  autoStart: true,
  requires: [IWindlassLoader],
  optional: [ITranslator, INotebookTracker, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    loader: IWindlassLoader,
    translator: ITranslator | null,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('windlass');
    const { contents } = app.serviceManager;
    const target = (args: { path?: unknown }): ITarget | null => {
      const path = typeof args.path === 'string' ? args.path : null;
      const panel = path
        ? notebooks?.find(candidate => contents.localPath(candidate.context.path) === path)
        : notebooks?.currentWidget;
      return panel
        ? { context: panel.context, path: contents.localPath(panel.context.path) }
        : path === null
          ? null
          : { context: null, path };
    };

    app.commands.addCommand(CommandIDs.train, {
      label: args => (args.toolbar ? trans.__('Train') : trans.__('Train This Notebook…')),
      caption: trans.__('Send this notebook as a distributed training job'),
      icon: windlassIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: {
              type: 'string',
              description: trans.__('Path of the notebook; the one on screen when left out')
            }
          }
        }
      },
      isEnabled: args => target(args) !== null,
      execute: async args => {
        const found = target(args);
        if (!found) {
          return null;
        }
        const [windlass, { train }] = await Promise.all([
          loader.load(),
          import(/* webpackChunkName: "live" */ '../live/training')
        ]);
        return train({ windlass, commands: app.commands, ...found });
      }
    });
    notebooks?.currentChanged.connect(() => app.commands.notifyCommandChanged(CommandIDs.train));
    palette?.addItem({ command: CommandIDs.train, category: trans.__('Windlass') });
  }
};

/** The notebook to send. */
interface ITarget {
  /** null when it is not open. */
  context: DocumentRegistry.IContext<INotebookModel> | null;
  path: string;
}
