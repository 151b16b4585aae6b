/**
 * GPUs as typed calls, one for each verb.
 *
 * It keeps no state and decides nothing; it is a module of its own so that it is fetched with what needs it.
 */
import type { ServerConnection } from '@jupyterlab/services';
import { request } from './request';
import type { GpuHistory, GpuSnapshot, JobGpus } from './types';

/** Calls about GPUs. Every call may throw a `WindlassError`. */
export class GpusClient {
  constructor(options: GpusClient.IOptions) {
    this._settings = options.serverSettings;
  }

  /** How GPUs are used now. */
  async snapshot(): Promise<GpuSnapshot> {
    return request(this._settings, 'gpus');
  }

  /** How the GPUs of this machine were used, so many seconds back from now. */
  async history(query: GpusClient.IHistoryQuery): Promise<GpuHistory> {
    return request(this._settings, 'gpus/history', { query: { ...query } });
  }

  /** A job's devices over its life. */
  async ofJob(id: string, query: { points: number }): Promise<JobGpus> {
    return request(this._settings, `jobs/${encodeURIComponent(id)}/gpus`, { query: { ...query } });
  }

  /** Hide an alarm until its device has been used again. */
  async dismiss(alarmId: string): Promise<void> {
    const path = `gpus/alarms/${encodeURIComponent(alarmId)}/dismiss`;
    return request(this._settings, path, { method: 'POST', body: {} });
  }

  private readonly _settings: ServerConnection.ISettings;
}

/** A namespace for `GpusClient` statics. */
export namespace GpusClient {
  /** The options of a `GpusClient`. */
  export interface IOptions {
    /** The application's own connection settings. */
    serverSettings: ServerConnection.ISettings;
  }

  /** Which readings, and how many. */
  export interface IHistoryQuery {
    seconds: number;
    points: number;
  }
}
