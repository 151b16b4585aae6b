/** The double of the registry's REST interface, and what it answers about. Models, signals and widgets are real. */
import type { ModelsClient } from '../api/models';
import { WindlassError } from '../api/errors';
import type {
  Lineage,
  ModelVersion,
  ModelVersionDetail,
  Promotion,
  PromotionTerms,
  RegisteredModel,
  VersionComparison
} from '../api/types';
import { registryOf } from '../model/registry';
import { fakeWindlass, makeProblem, type IFakeWindlass } from './fakes';

/** A version that is ready, but for what is given. */
export function makeVersion(version: string, given: Partial<ModelVersion> = {}): ModelVersion {
  return {
    name: 'fraud',
    version,
    aliases: [],
    stage: null,
    status: 'READY',
    message: null,
    created_at: '2026-11-23T05:31:00.000Z',
    updated_at: null,
    user: 'ada',
    description: null,
    tags: [],
    source: null,
    run_id: 'run-1',
    run_name: 'brave-fox',
    experiment_id: '1',
    model_id: null,
    job_id: null,
    metrics: [],
    url: null,
    ...given
  };
}

/** What the files of a version say. */
export function makeDetail(version: string, given: Partial<ModelVersionDetail> = {}): ModelVersionDetail {
  return {
    version: makeVersion(version),
    metrics: [{ key: 'accuracy', value: 0.93, step: 1, at: null }],
    params: [],
    signature: { inputs: [{ name: 'age', type: 'double', required: true }], outputs: null, params: null },
    flavors: ['sklearn'],
    size_bytes: 2000,
    requirements: ['pandas'],
    mlflow_version: '3.17.2',
    message: null,
    ...given
  };
}

/** A registered model. */
export function makeModel(given: Partial<RegisteredModel> = {}): RegisteredModel {
  return {
    name: 'fraud',
    description: null,
    created_at: null,
    updated_at: null,
    tags: [],
    aliases: { champion: '1' },
    latest_version: '2',
    url: null,
    ...given
  };
}

/** A promotion that was done. */
export function makePromotion(given: Partial<Promotion> = {}): Promotion {
  return {
    id: '7',
    model: 'fraud',
    alias: 'champion',
    stage: null,
    from_version: '1',
    to_version: '2',
    state: 'done',
    message: null,
    by: 'ada',
    comment: '',
    asked_at: '2026-11-23T05:31:00.000Z',
    ended_at: '2026-11-23T05:31:00.000Z',
    needs: null,
    approvals: [],
    may_approve: false,
    may_withdraw: false,
    ...given
  };
}

/** Terms without rules. */
export function makeTerms(given: Partial<PromotionTerms> = {}): PromotionTerms {
  return {
    aliases: ['champion', 'challenger'],
    free: true,
    stages: [],
    rules: [],
    log: 'hub',
    message: null,
    ...given
  };
}

/** Two versions that are alike. */
export function makeComparison(given: Partial<VersionComparison> = {}): VersionComparison {
  return {
    before: makeDetail('1'),
    after: makeDetail('2'),
    metrics: [{ key: 'accuracy', values: [0.9, 0.93], differs: true }],
    params: [],
    schema_changes: [],
    breaking: false,
    ...given
  };
}

/** A version that came of nothing that is known. */
export function makeLineage(version: string, given: Partial<Lineage> = {}): Lineage {
  const node = { detail: null, at: null, cost_usd: null, gpu_hours: null, missing: false };
  return {
    focus: 0,
    nodes: [{ ...node, kind: 'model_version', id: `fraud/${version}`, label: `fraud v${version}` }],
    edges: [],
    cost_usd: null,
    gpu_hours: null,
    truncated: false,
    ...given
  };
}

/** There is no such thing. */
export function missing(): WindlassError {
  const problem = makeProblem({ type: 'windlass:not-found', status: 404, detail: 'There is none.' });
  return new WindlassError({ kind: 'problem', status: 404, message: '', problem });
}

/** Windlass whose registry has the model `fraud` with two versions. */
export function fakeRegistry(): { windlass: IFakeWindlass; client: jest.Mocked<ModelsClient> } {
  const windlass = fakeWindlass();
  const client = jest.mocked(registryOf(windlass).client);
  const answers: { [K in keyof ModelsClient]?: ModelsClient[K] } = {
    models: async () => ({ items: [makeModel()], next_cursor: null }),
    model: async () => ({
      model: makeModel(),
      items: [makeVersion('2'), makeVersion('1', { aliases: ['champion'] })],
      next_cursor: null
    }),
    version: async (_, version) => makeDetail(version),
    change: async (_, version) => makeVersion(version),
    changeModel: async () => makeModel(),
    register: async () => makeVersion('3'),
    compare: async () => makeComparison(),
    lineage: async (_, version) => makeLineage(version),
    evaluation: async () => Promise.reject(missing()),
    promotions: async () => ({ items: [], next_cursor: null }),
    terms: async () => makeTerms(),
    promote: async () => makePromotion(),
    answer: async () => makePromotion()
  };
  for (const [name, answer] of Object.entries(answers)) {
    Object.assign(client, { [name]: jest.fn(answer as () => unknown) });
  }
  return { windlass, client };
}
