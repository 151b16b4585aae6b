/** The places in the status bar; what is shown there is fetched when there is something to show. */
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { CommandRegistry } from '@lumino/commands';
import { Panel } from '@lumino/widgets';
import { isFinal } from '../api/types';
import type { IWindlass } from '../tokens';
import { addGpuStatus } from './gpuStatus';

/** Have jobs under way counted in the status bar, and the use of GPUs shown. */
export function addStatusItem(statusBar: IStatusBar, windlass: IWindlass, commands: CommandRegistry): void {
  addGpuStatus(statusBar, windlass, commands);
  const { jobs } = windlass;
  const item = new Panel();
  const isActive = (): boolean => jobs.jobs.some(job => !isFinal(job.state));
  const fill = (): void => {
    if (isActive()) {
      jobs.changed.disconnect(fill);
      void import('../statusbar').then(({ RunningJobs }) =>
        item.addWidget(new RunningJobs({ commands, windlass }))
      );
    }
  };
  jobs.changed.connect(fill);
  fill();
  statusBar.registerStatusItem('@windlass/lab-extension:statusbar', {
    item,
    align: 'left',
    rank: 500,
    isActive,
    activeStateChanged: jobs.changed
  });
}
