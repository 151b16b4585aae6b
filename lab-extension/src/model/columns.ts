/**
 * What runs can be shown by: metrics, parameters, tags, and what every run has. Pure.
 *
 * A column is named as the server names it: `metrics.accuracy`, `attributes.start_time`.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ColumnList, Run } from '../api/types';

/** A column taken apart. */
export interface IColumn {
  readonly kind: 'metrics' | 'params' | 'tags' | 'attributes';
  readonly key: string;
}

/** The column a run is sorted by unless the user says otherwise. */
export const START_TIME = 'attributes.start_time';

/** What every run has beside its name and state, in the order of the table. */
export const ATTRIBUTES = [
  START_TIME,
  'attributes.duration',
  'attributes.user_id',
  'attributes.notebook',
  'attributes.git_commit',
  'attributes.data_version',
  'attributes.cost',
  'attributes.gpu_hours'
] as const;

/** What MLflow cannot sort by. */
const UNSORTABLE: ReadonlySet<string> = new Set([
  'attributes.duration',
  'attributes.notebook',
  'attributes.git_commit',
  'attributes.data_version'
]);

/** How many metrics and parameters are shown of an experiment for which the user has chosen nothing. */
const FIRST_METRICS = 3;
const FIRST_PARAMS = 3;

/** Take a column's name apart. */
export function columnOf(id: string): IColumn {
  const dot = id.indexOf('.');
  return { kind: id.slice(0, dot) as IColumn['kind'], key: id.slice(dot + 1) };
}

/** Whether runs can be sorted by this column. */
export function isSortable(id: string): boolean {
  return !UNSORTABLE.has(id);
}

/** Whether the server sends this column only when asked. */
export function isAsked(id: string): boolean {
  return !id.startsWith('attributes.');
}

/** Whether the values of this column are numbers: they stand at the right. */
export function isNumeric(id: string): boolean {
  const { kind, key } = columnOf(id);
  return kind === 'metrics' || (kind === 'attributes' && ['duration', 'cost', 'gpu_hours'].includes(key));
}

/** A column's name for people. */
export function columnLabel(id: string, trans: TranslationBundle): string {
  const { kind, key } = columnOf(id);
  if (kind !== 'attributes') {
    return key;
  }
  const labels: Record<string, string> = {
    start_time: trans.__('Started'),
    end_time: trans.__('Ended'),
    duration: trans.__('Duration'),
    status: trans.__('State'),
    run_name: trans.__('Name'),
    user_id: trans.__('User'),
    notebook: trans.__('Notebook'),
    git_commit: trans.__('Commit'),
    data_version: trans.__('Data version'),
    cost: trans.__('Cost'),
    gpu_hours: trans.__('GPU hours')
  };
  return labels[key] ?? key;
}

/** The columns of an experiment for which the user has chosen none: the first metrics and parameters, cost last. */
export function firstColumns(known: ColumnList | null): string[] {
  const metrics = (known?.metrics ?? []).filter(key => !/^(system\/|windlass\.)/.test(key));
  const [start, duration, user, notebook, commit, data, cost, gpus] = ATTRIBUTES;
  return [
    ...metrics.slice(0, FIRST_METRICS).map(key => `metrics.${key}`),
    ...(known?.params ?? []).slice(0, FIRST_PARAMS).map(key => `params.${key}`),
    start,
    duration,
    user,
    notebook,
    commit,
    data,
    cost,
    gpus
  ];
}

/** What a run has in a column that every run has; null: unknown. */
export function attributeOf(run: Run, key: string): string | number | null {
  switch (key) {
    case 'start_time':
      return run.started_at;
    case 'end_time':
      return run.ended_at;
    case 'duration':
      return run.duration_seconds;
    case 'user_id':
      return run.user;
    case 'notebook':
      return run.notebook;
    case 'git_commit':
      return run.git_commit;
    case 'data_version':
      return run.data_version;
    case 'cost':
      return run.cost_usd;
    case 'gpu_hours':
      return run.gpu_hours;
    default:
      return null;
  }
}
