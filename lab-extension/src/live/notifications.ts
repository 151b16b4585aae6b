/** Tells the user of jobs that have ended while this browser tab was watching. */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { Job } from '../api/types';
import { CommandIDs } from '../commands';
import type { IWindlass, IWindlassSettings } from '../tokens';

/** Notify from now on. */
export function notifyOfEnds(windlass: IWindlass, commands: CommandRegistry): void {
  const { jobs, settings, trans } = windlass;
  jobs.finished.connect((_, job) => {
    const isFailure = job.state === 'failed' || job.state === 'lost';
    if (!isWanted(job, isFailure, settings.notifyFinished)) {
      return;
    }
    Notification.emit(describe(job, trans), isFailure ? 'error' : 'success', {
      autoClose: isFailure ? false : 8000,
      actions: [
        {
          label: trans.__('Open job'),
          caption: trans.__('Show the log and the executed notebook of “%1”', job.name),
          callback: () => void commands.execute(CommandIDs.openJob, { id: job.id })
        }
      ]
    });
  });
}

/** Whoever stopped a job knows that it has ended. */
function isWanted(job: Job, isFailure: boolean, wanted: IWindlassSettings['notifyFinished']): boolean {
  return job.state !== 'stopped' && (wanted === 'all' || (wanted === 'failed' && isFailure));
}

function describe(job: Job, trans: TranslationBundle): string {
  switch (job.state) {
    case 'succeeded':
      return trans.__('Job “%1” has succeeded.', job.name);
    case 'lost':
      return trans.__('Job “%1” is lost: %2', job.name, job.reason);
    default:
      return job.error
        ? trans.__('Job “%1” has failed: %2: %3', job.name, job.error.ename, job.error.evalue)
        : trans.__('Job “%1” has failed: %2', job.name, job.reason);
  }
}
