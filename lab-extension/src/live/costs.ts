/** The commands about money. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import { Notification } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';
import { toMessage } from '../api/errors';
import type { IPageArgs } from '../commands';
import { CommandIDs } from '../commands';
import { windlassIcon } from '../icons';
import { CostCommandIDs, COSTS_KEY } from '../model/costCommands';
import { costsOf } from '../model/costs';
import { jobId, jobIdSchema } from '../plugins/jobArgs';
import type { IWindlass } from '../tokens';

/** Add the commands about money. */
export function addCostCommands(
  app: JupyterFrontEnd,
  windlass: IWindlass,
  palette: ICommandPalette | null
): void {
  const { commands } = app;
  const { trans } = windlass;
  commands.addCommand(CostCommandIDs.openCosts, {
    label: trans.__('Open Costs'),
    caption: trans.__('Show what was spent by job, experiment and day, budgets, and the prices in force'),
    icon: windlassIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      const page: IPageArgs = { kind: 'costs', key: COSTS_KEY };
      return (await commands.execute(CommandIDs.openPage, { ...page })) as Widget;
    }
  });
  commands.addCommand(CostCommandIDs.useAdvice, {
    label: trans.__('Use This Next Time'),
    caption: trans.__('Set what the advice says for the next run of this notebook'),
    describedBy: { args: jobIdSchema(trans) },
    isEnabled: args => jobId(app, args) !== null,
    execute: async args => {
      try {
        return await setAdvice(windlass, jobId(app, args) ?? '');
      } catch (error) {
        Notification.error(toMessage(error, trans), { autoClose: 10_000 });
        return false;
      }
    }
  });
  palette?.addItem({ command: CostCommandIDs.openCosts, category: trans.__('Windlass') });
}

/** Set the advice on a job for the next run of its notebook; returns whether there was any. */
async function setAdvice(windlass: IWindlass, id: string): Promise<boolean> {
  const { client, jobs, trans } = windlass;
  const [advice, { setNextTime }] = await Promise.all([
    costsOf(windlass).advice(id),
    import('../dialogs/nextTime')
  ]);
  if (advice.options === null) {
    Notification.info(advice.sentence, { autoClose: 10_000 });
    return false;
  }
  const job = jobs.get(id) ?? (await client.job(id));
  await setNextTime({ windlass, job, options: advice.options });
  const name = job.notebook.split('/').pop() ?? job.notebook;
  Notification.success(trans.__('The next run of %1 begins with this.', name), { autoClose: 5000 });
  return true;
}
