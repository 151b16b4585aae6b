/**
 * Opens Windlass' pages in the main area, one for each thing, and finds them again after a reload.
 *
 * It knows that there are kinds of pages and that a page of a kind has a key; what they are is in `live/pages.ts`, which
 * is fetched when a page is opened.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Widget } from '@lumino/widgets';
import type { IPageArgs } from '../commands';
import { CommandIDs } from '../commands';
import { IWindlassLoader } from '../tokens';

/** What there are pages of. The words are part of saved layouts. */
const KINDS = ['job', 'run', 'runs', 'compare', 'model', 'gpus', 'costs'];

export const pages: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:pages',
  description: 'Opens the pages of jobs, runs, comparisons and models in the main area.',
  autoStart: true,
  requires: [IWindlassLoader, IRenderMimeRegistry],
  optional: [ILayoutRestorer, INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    loader: IWindlassLoader,
    rendermime: IRenderMimeRegistry,
    restorer: ILayoutRestorer | null,
    notebooks: INotebookTracker | null
  ): void => {
    const { commands, shell } = app;
    const keys = new WeakMap<Widget, string>();
    const keyOf = (page: Widget): string => keys.get(page) ?? '';
    /** Pages on their way, so that two quick clicks open one page. */
    const opening = new Map<string, Promise<Widget>>();

    const trackers = new Map(
      KINDS.map(kind => [kind, new WidgetTracker({ namespace: `windlass-${kind}` })] as const)
    );
    const make = async (kind: string, key: string): Promise<Widget> => {
      const [windlass, { makePage }] = await Promise.all([
        loader.load(),
        import(/* webpackChunkName: "live" */ '../live/pages')
      ]);
      const page = await makePage({ app, kind, key, notebooks, rendermime: rendermime.clone(), windlass });
      keys.set(page, key);
      await trackers.get(kind)?.add(page);
      shell.add(page, 'main', { type: 'Windlass' });
      return page;
    };
    commands.addCommand(CommandIDs.openPage, {
      describedBy: {
        args: { type: 'object', properties: { kind: { enum: KINDS }, key: { type: 'string' } } }
      },
      execute: async args => {
        const { kind, key } = args as unknown as IPageArgs;
        const name = `${kind}:${key}`;
        const known = trackers.get(kind)?.find(page => keyOf(page) === key) ?? opening.get(name);
        const coming = known ?? make(kind, key).finally(() => opening.delete(name));
        if (!known) {
          opening.set(name, coming as Promise<Widget>);
        }
        const page = await coming;
        shell.activateById(page.id);
        return page;
      }
    });
    for (const [kind, tracker] of trackers) {
      void restorer?.restore(tracker, {
        command: CommandIDs.openPage,
        args: page => ({ kind, key: keyOf(page) }),
        name: keyOf
      });
    }
  }
};
