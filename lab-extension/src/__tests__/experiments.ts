/** Runs and experiments as the server tells of them, and a client that answers with them. */
import { ExperimentsClient } from '../api/experiments';
import type { Experiment, Run, RunDetail, RunPage, RunSearch } from '../api/types';
import type { ITracked } from '../model/experiments';
import { RunViews } from '../model/runView';
import { RunSelection } from '../model/selection';
import { fakeSettings } from './fakes';

/** A run that has ended, but for what is given. */
export function makeRun(id: string, given: Partial<Run> = {}): Run {
  return {
    id,
    experiment_id: '1',
    name: `run ${id}`,
    status: 'FINISHED',
    deleted: false,
    started_at: '2026-11-23T05:31:00.000Z',
    ended_at: '2026-11-23T05:32:00.000Z',
    duration_seconds: 60,
    user: 'ada',
    notebook: 'work/train.ipynb',
    git_commit: 'abcdef0123456789',
    git_dirty: false,
    data_version: null,
    cost_usd: null,
    gpu_hours: null,
    parent_id: null,
    job_id: null,
    url: null,
    values: [],
    ...given
  };
}

/** An experiment. */
export function makeExperiment(id: string, name: string): Experiment {
  return { id, name, deleted: false, created_at: null, updated_at: null, description: null, url: null };
}

/** A run, whole. */
export function makeDetail(given: Partial<RunDetail> = {}): RunDetail {
  return {
    run: makeRun('r1'),
    experiment_name: 'fraud',
    description: null,
    metrics: [],
    params: [],
    tags: [],
    inputs: [],
    models: [],
    nested: false,
    can_rerun: false,
    executed_notebook: null,
    bundle: null,
    ...given
  };
}

/** A page of runs, read just now. */
export function makePage(items: readonly Run[], given: Partial<RunPage> = {}): RunPage {
  return { columns: [], items: [...items], next_cursor: null, read_at: new Date().toISOString(), ...given };
}

/** What tracks, with a client whose every call is a mock. */
export interface IFakeTracked extends ITracked {
  readonly client: jest.Mocked<ExperimentsClient>;
}

/** A client that knows these runs, and nothing of filters or order. */
export function fakeTracked(runs: readonly Run[] = []): IFakeTracked {
  const client = jest.mocked(new ExperimentsClient({ serverSettings: fakeSettings() }));
  const search = async (asked: RunSearch): Promise<RunPage> => {
    const found = runs.filter(run =>
      asked.parent ? run.parent_id === asked.parent : (run.parent_id === null) === Boolean(asked.top_level)
    );
    const shown = asked.filter?.includes('IS NOT NULL') ? runs.filter(run => run.parent_id !== null) : found;
    return makePage(shown, { columns: asked.columns ?? [] });
  };
  Object.assign(client, {
    experiments: jest.fn(async () => ({ items: [makeExperiment('1', 'fraud')], next_cursor: null })),
    columns: jest.fn(async () => ({ metrics: ['accuracy'], params: ['lr'], tags: [], complete: true })),
    search: jest.fn(search),
    checkFilter: jest.fn(async () => ({ problem: null, completions: [] }))
  });
  return { client, selection: new RunSelection(), views: new RunViews({ store: null }) };
}
