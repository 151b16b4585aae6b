/**
 * The model registry as typed calls, one for each verb.
 *
 * It keeps no state and decides nothing; it is a module of its own so that it is fetched with what needs it.
 */
import type { ServerConnection } from '@jupyterlab/services';
import { request } from './request';
import type {
  EvaluationRequest,
  EvaluationResult,
  Job,
  Lineage,
  ModelChange,
  ModelList,
  ModelVersion,
  ModelVersionDetail,
  ModelVersionList,
  Promotion,
  PromotionAnswer,
  PromotionLog,
  PromotionRequest,
  PromotionTerms,
  RegisteredModel,
  RegisterRequest,
  VersionChange,
  VersionComparison
} from './types';

/** Calls about registered models. Every call may throw a `WindlassError`. */
export class ModelsClient {
  constructor(options: ModelsClient.IOptions) {
    this._settings = options.serverSettings;
  }

  /** A page of models, by name. */
  async models(query: ModelsClient.IPageQuery & { q?: string } = {}): Promise<ModelList> {
    return this._ask('models', { query: { ...query } });
  }

  /** Make the model of a run a version of a registered model. */
  async register(body: RegisterRequest): Promise<ModelVersion> {
    return this._ask('models', { method: 'POST', body });
  }

  /** A model and a page of its versions, newest first. */
  async model(name: string, query: ModelsClient.IPageQuery = {}): Promise<ModelVersionList> {
    return this._ask(modelPath(name), { query: { ...query } });
  }

  /** Change a model's description and tags. */
  async changeModel(name: string, body: ModelChange): Promise<RegisteredModel> {
    return this._ask(modelPath(name), { method: 'PATCH', body });
  }

  /** A version, with what its files say. */
  async version(name: string, version: string): Promise<ModelVersionDetail> {
    return this._ask(versionPath(name, version));
  }

  /** Change a version's description and tags. */
  async change(name: string, version: string, body: VersionChange): Promise<ModelVersion> {
    return this._ask(versionPath(name, version), { method: 'PATCH', body });
  }

  /** The candidate against the version that is there now. */
  async compare(name: string, candidate: string, present: string): Promise<VersionComparison> {
    return this._ask(versionPath(name, candidate, 'compare'), { query: { with: present } });
  }

  /** Where a version came from and what became of it. */
  async lineage(name: string, version: string): Promise<Lineage> {
    return this._ask(versionPath(name, version, 'lineage'));
  }

  /** Evaluate a version as a job. The same key sent again answers with the same job. */
  async evaluate(name: string, version: string, body: EvaluationRequest, key: string): Promise<Job> {
    const headers = { 'Idempotency-Key': key };
    return this._ask(versionPath(name, version, 'evaluate'), { method: 'POST', body, headers });
  }

  /** What the newest evaluation of a version found; a `WindlassError` with status 404 when there was none. */
  async evaluation(name: string, version: string): Promise<EvaluationResult> {
    return this._ask(versionPath(name, version, 'evaluations'));
  }

  /** A page of who moved what, newest first. */
  async promotions(name: string, cursor: string | null = null): Promise<PromotionLog> {
    return this._ask(modelPath(name, 'promotions'), { query: { cursor } });
  }

  /** What a version can be promoted to, and under which rules. */
  async terms(name: string): Promise<PromotionTerms> {
    return this._ask(modelPath(name, 'promotion-terms'));
  }

  /** Move an alias or a stage. The same key sent again answers with the same promotion. */
  async promote(name: string, body: PromotionRequest, key: string): Promise<Promotion> {
    const headers = { 'Idempotency-Key': key };
    return this._ask(modelPath(name, 'promotions'), { method: 'POST', body, headers });
  }

  /** Approve, refuse or withdraw a promotion that waits. */
  async answer(name: string, id: string, body: PromotionAnswer): Promise<Promotion> {
    return this._ask(modelPath(name, `promotions/${encodeURIComponent(id)}`), { method: 'POST', body });
  }

  private async _ask<T>(path: string, options?: Parameters<typeof request>[2]): Promise<T> {
    return request<T>(this._settings, path, options);
  }

  private readonly _settings: ServerConnection.ISettings;
}

/** A namespace for `ModelsClient` statics. */
export namespace ModelsClient {
  /** The options of a `ModelsClient`. */
  export interface IOptions {
    /** The application's own connection settings. */
    serverSettings: ServerConnection.ISettings;
  }

  /** Which page. */
  export interface IPageQuery {
    limit?: number;
    cursor?: string | null;
  }
}

function modelPath(name: string, rest = ''): string {
  return `models/${encodeURIComponent(name)}${rest && `/${rest}`}`;
}

function versionPath(name: string, version: string, rest = ''): string {
  return modelPath(name, `versions/${encodeURIComponent(version)}${rest && `/${rest}`}`);
}
