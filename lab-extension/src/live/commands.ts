/** The commands: those that open pages, and those on jobs that need none: stop, rerun, delete, refresh, open MLflow. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import {
  deleteIcon,
  launchIcon,
  notebookIcon,
  redoIcon,
  refreshIcon,
  spreadsheetIcon,
  stopIcon,
  tableRowsIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';
import { toMessage } from '../api/errors';
import type { Job } from '../api/types';
import { isFinal } from '../api/types';
import { CommandIDs } from '../commands';
import { trackingUrl } from '../model/tracking';
import type { JobPage } from '../pages/job';
import { jobId, jobIdSchema } from '../plugins/jobArgs';
import type { IWindlass } from '../tokens';
import { addCostCommands } from './costs';
import type { IFilterOptions } from './filter';
import { addFilterCommand } from './filter';
import { addGpuCommands } from './gpus';
import { addModelCommands } from './models';

/** Add all commands that act on what is already known. */
export function addCommands(options: IFilterOptions): void {
  const { app, windlass, palette } = options;
  const { info, jobs, trans } = windlass;
  addJobCommands(app, windlass);
  addPageCommands(app, windlass);
  addModelCommands(app, windlass);
  addGpuCommands(app, windlass, palette);
  addCostCommands(app, windlass, palette);
  addFilterCommand(options);
  app.commands.addCommand(CommandIDs.refresh, {
    label: args => (args.toolbar ? '' : trans.__('Refresh Jobs')),
    caption: trans.__('Ask the server for the jobs now'),
    icon: refreshIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      await Promise.all([jobs.refresh(), info.refresh()]);
    }
  });
  app.commands.addCommand(CommandIDs.openTracking, {
    label: trans.__('Open MLflow'),
    caption: trans.__('Open the page of the MLflow server in a new browser tab'),
    icon: launchIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => trackingUrl(info.info, window.location) !== null,
    execute: () => {
      window.open(trackingUrl(info.info, window.location) ?? '', '_blank', 'noopener');
    }
  });
  info.changed.connect(() => app.commands.notifyCommandChanged(CommandIDs.openTracking));
  const category = trans.__('Windlass');
  palette?.addItem({ command: CommandIDs.refresh, category });
  palette?.addItem({ command: CommandIDs.openTracking, category });
}

/** The commands that open pages. */
function addPageCommands(app: JupyterFrontEnd, { jobs, trans }: IWindlass): void {
  const { commands } = app;
  const open = async (kind: string, key: string | null): Promise<Widget | null> =>
    key === null ? null : ((await commands.execute(CommandIDs.openPage, { kind, key })) as Widget);
  commands.addCommand(CommandIDs.openJob, {
    label: trans.__('Open Job'),
    caption: trans.__('Show the log, the executed notebook and the runs of this job'),
    icon: launchIcon,
    describedBy: { args: jobIdSchema(trans) },
    isEnabled: args => jobId(app, args) !== null,
    execute: async args => open('job', jobId(app, args))
  });
  commands.addCommand(CommandIDs.openExecutedNotebook, {
    label: trans.__('Open Executed Notebook'),
    caption: trans.__('Show the notebook of this job as it ran'),
    icon: notebookIcon,
    describedBy: { args: jobIdSchema(trans) },
    isEnabled: args => (jobs.get(jobId(app, args) ?? '')?.executed_notebook ? true : false),
    execute: async args => {
      const page = (await open('job', jobId(app, args))) as JobPage | null;
      page?.showTab('notebook');
      return page;
    }
  });
  commands.addCommand(CommandIDs.openRun, {
    label: trans.__('Open Run'),
    caption: trans.__('Show what this run was given, what it measured, and its files'),
    icon: launchIcon,
    describedBy: { args: idSchema(trans.__('Id of the run in MLflow')) },
    execute: async args => open('run', textOf(args.id))
  });
  commands.addCommand(CommandIDs.compareRuns, {
    label: trans.__('Compare Runs'),
    caption: trans.__('Show parameters, metrics, curves and code of these runs side by side'),
    icon: tableRowsIcon,
    describedBy: {
      args: idsSchema(trans.__('Ids of the runs in MLflow, in the order they are to stand in'))
    },
    execute: async args => open('compare', runKey(args.ids))
  });
  commands.addCommand(CommandIDs.openRuns, {
    label: trans.__('Open Runs as Table'),
    caption: trans.__('Show the runs of this experiment as a wide table'),
    icon: spreadsheetIcon,
    describedBy: { args: idSchema(trans.__('Id of the experiment in MLflow')) },
    execute: async args => open('runs', textOf(args.id))
  });
}

/** Which runs to compare. */
function idsSchema(description: string): ReadonlyJSONObject {
  const ids = { type: 'array', items: { type: 'string' }, minItems: 1, description };
  return { type: 'object', required: ['ids'], properties: { ids } };
}

function idSchema(description: string): ReadonlyJSONObject {
  return { type: 'object', required: ['id'], properties: { id: { type: 'string', description } } };
}

/** The key of a comparison's page: ids of runs, which have no commas; null: there are none. */
function runKey(ids: unknown): string | null {
  return Array.isArray(ids) ? textOf(ids.filter(id => typeof id === 'string').join(',')) : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function addJobCommands(app: JupyterFrontEnd, windlass: IWindlass): void {
  const { jobs, trans } = windlass;
  const add = (id: string, options: IJobCommand): void => {
    const { execute, isEnabled, ...shown } = options;
    const find = (args: object): Job | undefined => jobs.get(jobId(app, args) ?? '');
    app.commands.addCommand(id, {
      ...shown,
      describedBy: { args: jobIdSchema(trans) },
      isEnabled: args => {
        const job = find(args);
        return job !== undefined && isEnabled(job);
      },
      execute: async args => {
        const job = find(args);
        try {
          return job && (await execute(job));
        } catch (error) {
          Notification.error(toMessage(error, trans), { autoClose: 10_000 });
          return undefined;
        }
      }
    });
  };
  add(CommandIDs.stopJob, {
    label: trans.__('Stop Job…'),
    caption: trans.__('Stop this job for good'),
    icon: stopIcon,
    isEnabled: job => !isFinal(job.state),
    execute: async job => {
      const question = trans.__('Stop “%1” for good? All its processes are ended.', job.name);
      if (await confirm(trans.__('Stop job'), question, trans.__('Stop'), trans.__('Keep it running'))) {
        await jobs.stop(job.id);
      }
    }
  });
  add(CommandIDs.rerunJob, {
    label: trans.__('Run Job Again'),
    caption: trans.__('Run again exactly what was sent'),
    icon: redoIcon,
    isEnabled: job => isFinal(job.state),
    execute: async job => jobs.rerun(job.id)
  });
  add(CommandIDs.deleteJob, {
    label: trans.__('Delete Job…'),
    caption: trans.__('Forget this job, with its log and its executed notebook'),
    icon: deleteIcon,
    isEnabled: job => isFinal(job.state),
    execute: async job => {
      const question = trans.__(
        'Delete “%1”, with its log and its executed notebook? Runs in MLflow are kept.',
        job.name
      );
      if (await confirm(trans.__('Delete job'), question, trans.__('Delete'), trans.__('Cancel'))) {
        await jobs.remove(job.id);
      }
    }
  });
}

/** A command on one job, which must be known. */
interface IJobCommand extends Pick<CommandRegistry.ICommandOptions, 'label' | 'caption' | 'icon'> {
  isEnabled: (job: Job) => boolean;
  execute: (job: Job) => Promise<unknown>;
}

async function confirm(title: string, body: string, accept: string, cancel: string): Promise<boolean> {
  const buttons = [Dialog.cancelButton({ label: cancel }), Dialog.warnButton({ label: accept })];
  const { button } = await showDialog({ title, body, buttons });
  return button.accept;
}
