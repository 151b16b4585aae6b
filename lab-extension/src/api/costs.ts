/**
 * Money as typed calls, one for each verb.
 *
 * It keeps no state and decides nothing; it is a module of its own so that it is fetched with what needs it.
 */
import type { ServerConnection } from '@jupyterlab/services';
import { request, requestText } from './request';
import type {
  BudgetList,
  CostEstimate,
  CostReport,
  JobAdvice,
  JobCost,
  JobRequest,
  PriceList
} from './types';

/** Calls about money. Every call may throw a `WindlassError`. */
export class CostsClient {
  constructor(options: CostsClient.IOptions) {
    this._settings = options.serverSettings;
  }

  /** What a job would cost that is not sent yet. */
  async estimate(body: JobRequest): Promise<CostEstimate> {
    return this._ask('costs/estimate', { method: 'POST', body });
  }

  /** What a job took, pod by pod. */
  async job(id: string): Promise<JobCost> {
    return this._ask(`jobs/${encodeURIComponent(id)}/cost`);
  }

  /** Whether something smaller would have held a job, or something larger was needed. */
  async advice(id: string): Promise<JobAdvice> {
    return this._ask(`jobs/${encodeURIComponent(id)}/advice`);
  }

  /** A page of what was spent. */
  async report(query: CostsClient.IQuery): Promise<CostReport> {
    return this._ask('costs', { query: { ...query } });
  }

  /** All of what was spent, as a table for spreadsheets. */
  async table(query: CostsClient.IQuery): Promise<string> {
    return requestText(this._settings, 'costs', 'text/csv', { query: { ...query } });
  }

  /** The prices in force. */
  async prices(): Promise<PriceList> {
    return this._ask('costs/prices');
  }

  /** The budgets that count for this user. */
  async budgets(): Promise<BudgetList> {
    return this._ask('costs/budgets');
  }

  private async _ask<T>(path: string, options?: Parameters<typeof request>[2]): Promise<T> {
    return request<T>(this._settings, path, options);
  }

  private readonly _settings: ServerConnection.ISettings;
}

/** A namespace for `CostsClient` statics. */
export namespace CostsClient {
  /** The options of a `CostsClient`. */
  export interface IOptions {
    /** The application's own connection settings. */
    serverSettings: ServerConnection.ISettings;
  }

  /** What is asked of a report. */
  export interface IQuery {
    by: CostReport['by'];
    /** A day of UTC, as `2026-11-23`. */
    start?: string;
    /** A day of UTC, which is included. */
    end?: string;
    limit?: number;
    cursor?: string | null;
  }
}
