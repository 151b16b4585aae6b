/** The command that opens the charts of GPUs. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';
import type { IPageArgs } from '../commands';
import { CommandIDs } from '../commands';
import { chartsIcon } from '../components/chartsIcon';
import { GpuCommandIDs, MACHINE_KEY } from '../model/gpuCommands';
import { jobId, jobIdSchema } from '../plugins/jobArgs';
import type { IWindlass } from '../tokens';

/** Add the commands about GPUs. */
export function addGpuCommands(
  app: JupyterFrontEnd,
  { trans }: IWindlass,
  palette: ICommandPalette | null
): void {
  const { commands } = app;
  commands.addCommand(GpuCommandIDs.openGpus, {
    label: args =>
      jobId(app, args) === null ? trans.__('Open GPU Charts') : trans.__('Open GPU Charts of Job'),
    caption: trans.__('Show how GPUs were used and what that cost, beside the metrics of the job'),
    icon: chartsIcon,
    describedBy: { args: jobIdSchema(trans) },
    execute: async args => {
      const page: IPageArgs = { kind: 'gpus', key: jobId(app, args) ?? MACHINE_KEY };
      return (await commands.execute(CommandIDs.openPage, { ...page })) as Widget;
    }
  });
  palette?.addItem({ command: GpuCommandIDs.openGpus, category: trans.__('Windlass') });
}
