/**
 * The place of GPUs in the status bar, which is there while there is something to say.
 *
 * While there is nothing, the server is asked once when a job begins or ends: it is not looked at each second for it.
 */
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { CommandRegistry } from '@lumino/commands';
import { Panel } from '@lumino/widgets';
import type { Job } from '../api/types';
import { isFinal } from '../api/types';
import type { GpusModel } from '../model/gpus';
import { gpusOf } from '../model/gpus';
import type { IWindlass } from '../tokens';

/** Have the use of GPUs and what is spent shown in the status bar. */
export function addGpuStatus(statusBar: IStatusBar, windlass: IWindlass, commands: CommandRegistry): void {
  const { jobs, trans } = windlass;
  const model = gpusOf(windlass);
  const item = new Panel();
  const isActive = (): boolean => hasNews(model);
  const fill = (): void => {
    if (isActive()) {
      model.changed.disconnect(fill);
      void import('../statusbar').then(({ GpuStatus }) =>
        item.addWidget(new GpuStatus({ commands, model, trans }))
      );
    }
  };
  model.changed.connect(fill);
  let live: string | null = null;
  const ask = (): void => {
    const now = liveJobs(jobs.jobs);
    const isKnown = jobs.status === 'ready' && now !== live;
    if (isKnown) {
      live = now;
    }
    if (isKnown && !isActive()) {
      void model.peek();
    }
  };
  jobs.changed.connect(ask);
  ask();
  statusBar.registerStatusItem('@windlass/lab-extension:gpus', {
    item,
    align: 'left',
    rank: 501,
    isActive,
    activeStateChanged: model.changed
  });
}

/** Whether there is a GPU, or something is spent. */
function hasNews({ snapshot }: GpusModel): boolean {
  return snapshot !== null && (snapshot.devices.length > 0 || (snapshot.usd_per_hour ?? 0) > 0);
}

/** Which jobs hold something, in one text. */
function liveJobs(jobs: readonly Job[]): string {
  return jobs
    .filter(job => job.started_at !== null && !isFinal(job.state))
    .map(job => job.id)
    .join();
}
