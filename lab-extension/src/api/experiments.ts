/**
 * Experiments, runs, their comparison and their files as typed calls, one for each verb.
 *
 * It keeps no state and decides nothing; it is a module of its own so that it is fetched with what needs it.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type { INotebookContent } from '@jupyterlab/nbformat';
import { ServerConnection } from '@jupyterlab/services';
import { API_ROOT, encodeQuery, request } from './request';
import type {
  ArtifactList,
  ArtifactView,
  ColumnList,
  Comparison,
  Curves,
  CurvesRequest,
  ExperimentList,
  FilterAdvice,
  FilterCheck,
  Job,
  Lineage,
  LoadCode,
  NotebookDiff,
  RunDetail,
  RunPage,
  RunRerun,
  RunSearch
} from './types';

/** Calls about what MLflow tracks. Every call may throw a `WindlassError`. */
export class ExperimentsClient {
  constructor(options: ExperimentsClient.IOptions) {
    this._settings = options.serverSettings;
  }

  /** A page of experiments, the one changed last first. */
  async experiments(query: ExperimentsClient.IListQuery = {}): Promise<ExperimentList> {
    return this._ask('experiments', { query: { ...query } });
  }

  /** What the runs of these experiments can be shown, sorted and filtered by. */
  async columns(experimentIds: readonly string[]): Promise<ColumnList> {
    return this._ask('experiments/columns', { query: { experiment_id: experimentIds } });
  }

  /** A page of runs. */
  async search(body: RunSearch): Promise<RunPage> {
    return this._ask('runs/search', { method: 'POST', body });
  }

  /** Whether a filter is right, and how it can go on. */
  async checkFilter(body: FilterCheck): Promise<FilterAdvice> {
    return this._ask('runs/filter', { method: 'POST', body });
  }

  /** Runs side by side. */
  async compare(runIds: readonly string[]): Promise<Comparison> {
    return this._ask('runs/compare', { method: 'POST', body: { run_ids: runIds } });
  }

  /** Metrics of runs, sampled. */
  async curves(body: CurvesRequest): Promise<Curves> {
    return this._ask('runs/curves', { method: 'POST', body });
  }

  /** One run, whole. */
  async run(id: string): Promise<RunDetail> {
    return this._ask(runPath(id));
  }

  /** The notebook of a run as it ran. */
  async notebook(id: string): Promise<INotebookContent> {
    return this._ask(runPath(id, 'notebook'));
  }

  /** The notebook of one run against that of another, cell by cell. */
  async diff(id: string, other: string): Promise<NotebookDiff> {
    return this._ask(runPath(id, 'diff'), { query: { with: other } });
  }

  /** Run again what a run ran. The same key sent again answers with the same job. */
  async rerun(id: string, body: RunRerun, key: string): Promise<Job> {
    return this._ask(runPath(id, 'rerun'), { method: 'POST', body, headers: { 'Idempotency-Key': key } });
  }

  /** Code that loads a model of the run. */
  async loadCode(id: string, model: ExperimentsClient.IFilePlace = {}): Promise<LoadCode> {
    return this._ask(runPath(id, 'load-code'), { query: { ...model } });
  }

  /** Where a run came from and what became of it. */
  async lineage(id: string): Promise<Lineage> {
    return this._ask(runPath(id, 'lineage'));
  }

  /** What is directly in a folder of the run's files. */
  async files(
    id: string,
    place: ExperimentsClient.IFilePlace & { cursor?: string | null } = {}
  ): Promise<ArtifactList> {
    return this._ask(runPath(id, 'artifacts'), { query: { ...place } });
  }

  /** A file of the run as it can be shown. */
  async view(id: string, place: ExperimentsClient.IFilePlace): Promise<ArtifactView> {
    return this._ask(runPath(id, 'artifacts/view'), { query: { ...place } });
  }

  /**
   * The bytes of something under `windlass/v1/`, such as a file's `raw` or a run's `bundle`.
   *
   * @throws {Error} When there is no answer, or one that is not a success.
   */
  async bytes(path: string): Promise<Response> {
    const response = await ServerConnection.makeRequest(this.address(path), {}, this._settings);
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    return response;
  }

  /** The address by which the browser itself saves a file of the run. */
  downloadUrl(id: string, place: ExperimentsClient.IFilePlace): string {
    return this.address(runPath(id, 'artifacts/raw')) + encodeQuery({ ...place, download: 'true' });
  }

  /** The address by which the browser itself saves what was sent for a run's job. */
  bundleUrl(id: string): string {
    return this.address(runPath(id, 'bundle'));
  }

  private async _ask<T>(path: string, options?: Parameters<typeof request>[2]): Promise<T> {
    return request<T>(this._settings, path, options);
  }

  /** The address of something under `windlass/v1/`. */
  address(path: string): string {
    const [place, query] = path.split('?', 2);
    return URLExt.join(this._settings.baseUrl, API_ROOT, place ?? '') + (query ? `?${query}` : '');
  }

  private readonly _settings: ServerConnection.ISettings;
}

/** A namespace for `ExperimentsClient` statics. */
export namespace ExperimentsClient {
  /** The options of an `ExperimentsClient`. */
  export interface IOptions {
    /** The application's own connection settings. */
    serverSettings: ServerConnection.ISettings;
  }

  /** Which experiments to list. */
  export interface IListQuery {
    q?: string | null;
    limit?: number;
    cursor?: string | null;
  }

  /** A place among a run's files. */
  export interface IFilePlace {
    path?: string | null;
    /** Of a LoggedModel, whose files are not the run's own. */
    model_id?: string | null;
  }
}

function runPath(id: string, verb = ''): string {
  return `runs/${encodeURIComponent(id)}${verb && `/${verb}`}`;
}
