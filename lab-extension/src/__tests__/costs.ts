/** Answers about money, and the double of the calls that give them. */
import { CostsClient } from '../api/costs';
import type { Budget, CostEstimate, CostReport, CostRow, JobAdvice, JobCost } from '../api/types';

export function makeEstimate(given: Partial<CostEstimate> = {}): CostEstimate {
  return {
    currency: 'USD',
    usd_per_hour: 1.27,
    spot_usd_per_hour: null,
    most_usd: null,
    limit_seconds: null,
    earlier: null,
    parts: [],
    notes: [],
    budgets: [],
    refused: null,
    ...given
  };
}

export function makeBudget(given: Partial<Budget> = {}): Budget {
  return {
    scope: 'user',
    name: 'ada',
    period: 'month',
    starts_at: '2026-11-01T00:00:00Z',
    limit_usd: 100,
    spent_usd: 12.5,
    unknown_jobs: 0,
    warn_at: 0.8,
    state: 'ok',
    blocks: false,
    refuses: false,
    ...given
  };
}

export function makeCost(given: Partial<JobCost> = {}): JobCost {
  return {
    job_id: 'job-1',
    currency: 'USD',
    live: true,
    usd: 1,
    usd_per_hour: 3600,
    gpu_hours: 0.25,
    idle_gpu_hours: null,
    idle_usd: null,
    idle_fraction: null,
    pods: [],
    parts: [],
    notes: [],
    ...given
  };
}

export function makeAdvice(given: Partial<JobAdvice> = {}): JobAdvice {
  return {
    job_id: 'job-1',
    verdict: 'unknown',
    sentence: 'Nothing was measured.',
    evidence: null,
    has: null,
    would_do: null,
    profile: null,
    saves_usd_per_hour: null,
    options: null,
    why_not: [],
    ...given
  };
}

export function makeRow(given: Partial<CostRow> = {}): CostRow {
  return {
    key: 'job-1',
    label: 'train',
    usd: 1.27,
    idle_usd: 0,
    gpu_hours: 0,
    idle_gpu_hours: 0,
    jobs: 1,
    unknown_jobs: 0,
    unknown_idle_jobs: 0,
    run_id: null,
    job_id: null,
    day: null,
    ...given
  };
}

export function makeReport(given: Partial<CostReport> = {}): CostReport {
  return {
    by: 'job',
    start: '2026-11-01T00:00:00Z',
    end: '2026-11-24T00:00:00Z',
    currency: 'USD',
    items: [makeRow()],
    total: makeRow({ key: '', label: 'Total' }),
    source: 'ledger',
    notes: [],
    next_cursor: null,
    ...given
  };
}

/** All calls about money, each a mock that answers with something sensible. */
export interface IFakeCosts {
  readonly estimate: jest.SpiedFunction<CostsClient['estimate']>;
  readonly job: jest.SpiedFunction<CostsClient['job']>;
  readonly advice: jest.SpiedFunction<CostsClient['advice']>;
  readonly report: jest.SpiedFunction<CostsClient['report']>;
  readonly table: jest.SpiedFunction<CostsClient['table']>;
  readonly prices: jest.SpiedFunction<CostsClient['prices']>;
  readonly budgets: jest.SpiedFunction<CostsClient['budgets']>;
}

export function fakeCosts(): IFakeCosts {
  const calls = CostsClient.prototype;
  return {
    estimate: jest.spyOn(calls, 'estimate').mockImplementation(async () => makeEstimate()),
    job: jest.spyOn(calls, 'job').mockImplementation(async id => makeCost({ job_id: id })),
    advice: jest.spyOn(calls, 'advice').mockImplementation(async id => makeAdvice({ job_id: id })),
    report: jest.spyOn(calls, 'report').mockImplementation(async ({ by }) => makeReport({ by })),
    table: jest.spyOn(calls, 'table').mockResolvedValue('key,label\r\n'),
    prices: jest.spyOn(calls, 'prices').mockResolvedValue({ items: [], currency: 'USD', problem: null }),
    budgets: jest.spyOn(calls, 'budgets').mockResolvedValue({ items: [] })
  };
}
