/** Opens job pages in the main area, one for each job, and finds them again after a reload. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { launchIcon, notebookIcon } from '@jupyterlab/ui-components';
import { CommandIDs } from '../commands';
import type { JobPage } from '../pages/job';
import { IWindlassLoader } from '../tokens';
import { jobId, jobIdSchema } from './jobArgs';

export const jobpage: JupyterFrontEndPlugin<void> = {
  id: '@windlass/lab-extension:jobpage',
  description: 'Opens the page of a job: log, executed notebook, parameters and runs.',
  autoStart: true,
  requires: [IWindlassLoader, IRenderMimeRegistry],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    loader: IWindlassLoader,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('windlass');
    const { commands, shell } = app;
    const pages = new WidgetTracker<JobPage>({ namespace: 'windlass-job' });
    /** Pages on their way, so that two quick clicks open one page. */
    const opening = new Map<string, Promise<JobPage>>();

    const make = async (id: string): Promise<JobPage> => {
      const [windlass, { JobPage }] = await Promise.all([loader.load(), import('../pages/job')]);
      const page = new JobPage({ windlass, jobId: id, rendermime: rendermime.clone(), commands });
      await pages.add(page);
      shell.add(page, 'main', { type: 'Windlass' });
      return page;
    };
    const open = async (id: string | null): Promise<JobPage | null> => {
      if (id === null) {
        return null;
      }
      const known = pages.find(page => page.jobId === id) ?? opening.get(id);
      const coming = known ?? make(id).finally(() => opening.delete(id));
      if (!known) {
        opening.set(id, coming as Promise<JobPage>);
      }
      const page = await coming;
      shell.activateById(page.id);
      return page;
    };

    commands.addCommand(CommandIDs.openJob, {
      label: trans.__('Open Job'),
      caption: trans.__('Show the log, the executed notebook and the runs of this job'),
      icon: launchIcon,
      describedBy: { args: jobIdSchema(trans) },
      isEnabled: args => jobId(app, args) !== null,
      execute: async args => open(jobId(app, args))
    });
    commands.addCommand(CommandIDs.openExecutedNotebook, {
      label: trans.__('Open Executed Notebook'),
      caption: trans.__('Show the notebook of this job as it ran'),
      icon: notebookIcon,
      describedBy: { args: jobIdSchema(trans) },
      isEnabled: args => (loader.current?.jobs.get(jobId(app, args) ?? '')?.executed_notebook ? true : false),
      execute: async args => {
        const page = await open(jobId(app, args));
        page?.showTab('notebook');
        return page;
      }
    });
    void restorer?.restore(pages, {
      command: CommandIDs.openJob,
      args: page => ({ id: page.jobId }),
      name: page => page.jobId
    });
  }
};
