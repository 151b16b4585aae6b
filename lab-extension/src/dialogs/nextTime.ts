/** Sets what advice says for the next run of a job's notebook: the submit dialog begins with it. */
import type { Job } from '../api/types';
import type { IWindlass } from '../tokens';
import type { Fix } from './fix';
import { applyFix } from './fix';
import { keepForNext, recall } from './memory';

/** What is set, and of which job. */
export interface INextTime {
  readonly windlass: IWindlass;
  readonly job: Job;
  /** The patch of the job's request, RFC 7396. */
  readonly options: Fix;
}

/** Have the next form of the notebook be of the job's size, but for what the advice changes. */
export async function setNextTime({ windlass, job, options }: INextTime): Promise<void> {
  const { settings, store } = windlass;
  const part = options.cluster === undefined ? null : await import('./cluster');
  const form = {
    ...(await recall(job.notebook, store, settings)),
    engine: job.engine,
    workers: String(job.workers),
    processesPerWorker: String(job.processes_per_worker),
    gpusPerWorker: String(job.gpus_per_worker)
  };
  const next = applyFix(form, options, { parameters: [], patchCluster: part?.patchCluster ?? null });
  await keepForNext(job.notebook, next, store);
}
