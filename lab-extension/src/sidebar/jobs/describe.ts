/** The second line of a row: what a person wants to know about this state, or nothing. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Job, JobError } from '../../api/types';

/** One line, or an empty text when the first line says it all. */
export function secondLine(job: Job, trans: TranslationBundle): string {
  switch (job.state) {
    case 'queued':
      // Engines say the place in words, and who or what it waits for.
      return (
        job.reason || (job.queue_position === null ? '' : trans.__('%1 in the queue', job.queue_position))
      );
    case 'running':
      return job.progress.message ?? '';
    case 'failed':
      return job.error ? describeError(job.error, trans) : job.reason;
    case 'succeeded':
    case 'stopped':
      return '';
    default:
      return job.reason;
  }
}

function describeError(error: JobError, trans: TranslationBundle): string {
  const what = error.evalue ? `${error.ename}: ${error.evalue}` : error.ename;
  const where = [
    error.rank === null ? '' : trans.__('rank %1', error.rank),
    // People count cells from 1.
    error.cell === null ? '' : trans.__('cell %1', error.cell + 1),
    error.line === null ? '' : trans.__('line %1', error.line)
  ].filter(Boolean);
  return where.length > 0 ? `${what} (${where.join(', ')})` : what;
}
