/** What can be done from a run's page: run it again, load its model in the notebook at hand, register its model. */
import { Notification } from '@jupyterlab/apputils';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { CommandRegistry } from '@lumino/commands';
import { UUID } from '@lumino/coreutils';
import { toMessage } from '../../api/errors';
import type { Job, JsonValue, RunDetail, RunModel } from '../../api/types';
import { CommandIDs } from '../../commands';
import { insist } from '../../model/insist';
import type { RunPageModel } from './model';
import { readSent } from './sent/read';

/** What the page's parts can ask for. */
export interface IRunActions {
  /** Whether there is a notebook to put code into. */
  readonly canInsert: () => boolean;
  readonly canRegister: () => boolean;
  readonly insertLoadCode: (model: RunModel) => void;
  readonly register: (model: RunModel) => void;
  readonly rerun: () => void;
}

interface IActionOptions {
  readonly commands: CommandRegistry;
  readonly model: RunPageModel;
  readonly notebooks: INotebookTracker | null;
  readonly shell: JupyterFrontEnd.IShell;
}

/** The actions of a page. What goes wrong is told in a notification. */
export function runActions(options: IActionOptions): IRunActions {
  const { commands, model, notebooks } = options;
  const { trans } = model.windlass;
  const tell = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => Notification.error(toMessage(error, trans), { autoClose: 10_000 }));
  };
  return {
    canInsert: () => Boolean(notebooks?.currentWidget),
    canRegister: () => commands.hasCommand(CommandIDs.registerModel),
    insertLoadCode: chosen => tell(insertLoadCode(options, chosen)),
    register: ({ model_id: modelId, path }) =>
      tell(commands.execute(CommandIDs.registerModel, { runId: model.runId, modelId, path })),
    rerun: () => tell(rerun(options))
  };
}

/** Put code that loads a model into a new cell below the one at hand. */
async function insertLoadCode({ model, notebooks, shell }: IActionOptions, chosen: RunModel): Promise<void> {
  const panel = notebooks?.currentWidget;
  if (!panel) {
    return;
  }
  const place = { model_id: chosen.model_id, path: chosen.model_id ? null : chosen.path };
  const [{ code, imports }, { NotebookActions }] = await Promise.all([
    model.client.loadCode(model.runId, place),
    import('@jupyterlab/notebook')
  ]);
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell?.model.sharedModel.setSource(code);
  shell.activateById(panel.id);
  const { trans } = model.windlass;
  const needs = imports.length > 0 ? trans.__(' It needs %1.', imports.join(', ')) : '';
  Notification.info(trans.__('A cell that loads “%1” is in %2.', chosen.name, panel.context.path) + needs, {
    autoClose: 5000
  });
}

/** Ask for parameters, run again with them, and show the new job. */
async function rerun({ commands, model }: IActionOptions): Promise<void> {
  const { detail } = model;
  if (!detail) {
    return;
  }
  const [{ openRerunDialog }, sent] = await Promise.all([
    import('../../dialogs/rerun'),
    wasSent(model, detail)
  ]);
  const key = UUID.uuid4();
  const send = async (parameters: Record<string, JsonValue>): Promise<Job> =>
    insist(async () =>
      model.client.rerun(model.runId, { parameters }, `${key}:${JSON.stringify(parameters)}`)
    );
  const job = await openRerunDialog({
    windlass: model.windlass,
    job: { name: detail.run.name, ...sent },
    send
  });
  if (job) {
    await commands.execute(CommandIDs.openJob, { id: job.id });
  }
}

/** The notebook and the parameters that were sent: of the job when it is known, else in the bundle itself. */
async function wasSent(
  model: RunPageModel,
  detail: RunDetail
): Promise<Pick<Job, 'notebook' | 'parameters'>> {
  const job = detail.run.job_id === null ? undefined : model.windlass.jobs.get(detail.run.job_id);
  if (job) {
    return job;
  }
  const { notebook, parameters } = await readSent(model.client, model.runId);
  return { notebook: notebook ?? detail.run.notebook ?? '', parameters };
}
