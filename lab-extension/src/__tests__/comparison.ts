/** Runs side by side, as the server answers them. */
import type { Comparison, Curve, Run } from '../api/types';
import { makeRun } from './experiments';

/** A metric of the run `a`, a value each step and second. */
export function makeCurve(values: readonly (number | null)[], given: Partial<Curve> = {}): Curve {
  return {
    run_id: 'a',
    metric: 'loss',
    steps: values.map((_, at) => at),
    times_ms: values.map((_, at) => 60_000 + at * 1000),
    values: [...values],
    total: values.length,
    sampled: false,
    coarse: false,
    running: false,
    ...given
  };
}

/** The run `a`, whose cost is known, but for what is given. */
export function makeComparedRun(given: Partial<Run> = {}): Run {
  return makeRun('a', { name: 'first', cost_usd: 1.5, ...given });
}

/** Runs a script where a text is taken for HTML. */
export const BAIT = '<img src=x onerror="document.body.dataset.bitten=1">';

/** Two runs, but for what is given. */
export function makeComparison(given: Partial<Comparison> = {}): Comparison {
  return {
    runs: [makeComparedRun({}), makeComparedRun({ id: 'b', name: `🚀 ${BAIT}`, cost_usd: 3 })],
    missing: [],
    params: [
      { key: 'lr', values: ['0.1', '0.2'], differs: true },
      { key: 'batch', values: ['32', '32'], differs: false },
      { key: 'note', values: ['x'.repeat(500) + '…', 'x'.repeat(500) + '…'], differs: true }
    ],
    metrics: [
      { key: 'loss', values: [0.25, 0.5], differs: true },
      { key: 'accuracy', values: ['NaN', null], differs: true }
    ],
    code: [{ key: 'Git commit', values: ['abc', 'def'], differs: true }],
    data: [],
    packages: [{ key: 'numpy', values: ['2.0', '2.1'], differs: true }],
    has_notebooks: [true, true],
    ...given
  };
}
