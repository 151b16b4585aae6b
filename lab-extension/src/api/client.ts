/**
 * The REST interface as typed calls, one for each verb.
 *
 * It keeps no state and decides nothing: models hold state, `request.ts` knows how to ask.
 */
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { ServerConnection } from '@jupyterlab/services';
import { request } from './request';
import type {
  CheckList,
  ClusterOffers,
  EnvironmentList,
  Info,
  Job,
  JobList,
  JobPlacement,
  JobPreview,
  JobRequest,
  JobState,
  LogPage,
  NotebookDiff,
  RerunRequest
} from './types';

/** Calls to the server half. Every call may throw a `WindlassError`. */
export class WindlassClient {
  constructor(options: WindlassClient.IOptions) {
    this.serverSettings = options.serverSettings;
  }

  /** The application's own connection settings. */
  readonly serverSettings: ServerConnection.ISettings;

  /** What this server can do. */
  async info(): Promise<Info> {
    return this._ask('info');
  }

  /** What works and what is missing. */
  async doctor(): Promise<CheckList> {
    return this._ask('doctor');
  }

  /** Where a job can run. */
  async environments(): Promise<EnvironmentList> {
    return this._ask('environments');
  }

  /** What the cluster offers. */
  async cluster(): Promise<ClusterOffers> {
    return this._ask('cluster');
  }

  /** Everything that can be known about a job before it is sent. */
  async preview(body: JobRequest): Promise<JobPreview> {
    return this._ask('jobs/preview', { method: 'POST', body });
  }

  /** Send a job. The same key sent again answers with the same job. */
  async submit(body: JobRequest, key: string): Promise<Job> {
    return this._ask('jobs', { method: 'POST', body, headers: { 'Idempotency-Key': key } });
  }

  /** A page of jobs, newest first. */
  async list(query: WindlassClient.IListQuery = {}): Promise<JobList> {
    return this._ask('jobs', { query: { ...query } });
  }

  /** One job. */
  async job(id: string): Promise<Job> {
    return this._ask(jobPath(id));
  }

  /** Where a job is in its cluster: its pods, and how far it has come. */
  async placement(id: string): Promise<JobPlacement> {
    return this._ask(jobPath(id, 'placement'));
  }

  /** Stop a job for good. */
  async stop(id: string): Promise<Job> {
    return this._ask(jobPath(id, 'stop'), { method: 'POST', body: {} });
  }

  /** Run a job again. The same key sent again answers with the same new job. */
  async rerun(id: string, body: RerunRequest, key: string): Promise<Job> {
    return this._ask(jobPath(id, 'rerun'), { method: 'POST', body, headers: { 'Idempotency-Key': key } });
  }

  /** Forget a job that has ended, with its files. */
  async remove(id: string): Promise<void> {
    return this._ask(jobPath(id), { method: 'DELETE' });
  }

  /** A part of a job's output. */
  async logs(id: string, query: WindlassClient.ILogQuery = {}): Promise<LogPage> {
    const { rank, offset, limitBytes } = query;
    return this._ask(jobPath(id, 'logs'), { query: { rank, offset, limit_bytes: limitBytes } });
  }

  /** The executed notebook as it is now. */
  async notebook(id: string): Promise<INotebookContent> {
    return this._ask(jobPath(id, 'notebook'));
  }

  /** The notebook now against the notebook as sent. */
  async diff(id: string): Promise<NotebookDiff> {
    return this._ask(jobPath(id, 'diff'));
  }

  private async _ask<T>(path: string, options?: Parameters<typeof request>[2]): Promise<T> {
    return request<T>(this.serverSettings, path, options);
  }
}

/** A namespace for `WindlassClient` statics. */
export namespace WindlassClient {
  /** The options of a `WindlassClient`. */
  export interface IOptions {
    /** The application's own connection settings. */
    serverSettings: ServerConnection.ISettings;
  }

  /** Which jobs to list. */
  export interface IListQuery {
    state?: JobState | null;
    notebook?: string | null;
    q?: string | null;
    limit?: number;
    cursor?: string | null;
  }

  /** Which output to read. */
  export interface ILogQuery {
    /** One rank; null for all, merged. */
    rank?: number | null;
    /** In bytes. */
    offset?: number;
    limitBytes?: number;
  }
}

function jobPath(id: string, verb = ''): string {
  return `jobs/${encodeURIComponent(id)}${verb && `/${verb}`}`;
}
