/** Which fields of a request have a field in the dialog, and what theirs are called. */
import type { JobRequest, ParameterField } from '../api/types';
import type { TextField } from './form';

/** What the form's texts are called in a request. */
export const REQUEST_NAMES: Readonly<Record<TextField, keyof JobRequest>> = {
  name: 'name',
  engine: 'engine',
  workers: 'workers',
  processesPerWorker: 'processes_per_worker',
  gpusPerWorker: 'gpus_per_worker',
  environment: 'environment',
  experiment: 'experiment',
  timeLimit: 'time_limit_seconds',
  retries: 'retries',
  include: 'include',
  exclude: 'exclude'
};

const TEXTS = new Set<string>(Object.values(REQUEST_NAMES));

const CLUSTER_FIELD =
  /^(kind|cluster\.(image|cpu|memory_bytes|shared_memory_bytes|gpu(\..+)?|node_class|queue|priority_class|runtime|install_packages|volumes\.\d+(\..+)?))$/;

/** Whether a complaint about this field of the request can be shown at a field. */
export function isShown(field: string, parameters: readonly ParameterField[], isOnCluster: boolean): boolean {
  return (
    TEXTS.has(field) ||
    parameters.some(({ name }) => field === `parameters.${name}`) ||
    (isOnCluster && CLUSTER_FIELD.test(field))
  );
}
