import { nullTranslator } from '@jupyterlab/translation';
import { costNow, daysBetween, lackText } from '../../model/costs';
import { daysOf, rangeProblem } from '../../pages/costs/ranges';
import { makeRow } from '../costs';
import { makeJob } from '../fakes';

const trans = nullTranslator.load('windlass');

describe('what a job costs by now', () => {
  const live = makeJob({ cost_usd: 1, usd_per_hour: 3600, duration_seconds: 10 });

  it('grows by its price from what the server said', () => {
    expect(costNow(live, 10)).toBe(1);
    expect(costNow(live, 12.5)).toBeCloseTo(3.5);
  });

  it('never shrinks when clocks disagree', () => {
    expect(costNow(live, 3)).toBe(1);
  });

  it('is what it was once the job has ended, or its price is not known', () => {
    expect(costNow({ ...live, state: 'succeeded' }, 100)).toBe(1);
    expect(costNow({ ...live, usd_per_hour: null }, 100)).toBe(1);
  });

  it('stays unknown', () => {
    expect(costNow({ ...live, cost_usd: null }, 100)).toBeNull();
  });
});

describe('sums', () => {
  it('say what they lack', () => {
    expect(lackText(makeRow(), trans)).toBeNull();
    expect(lackText(makeRow({ unknown_jobs: 2 }), trans)).toBe('without 2 jobs, whose cost is not known');
  });
});

describe('days', () => {
  const now = Date.parse('2026-03-01T00:30:00Z');

  it('of ranges are whole days of UTC', () => {
    expect(daysOf('month', now)).toEqual({ start: '2026-03-01', end: '2026-03-01' });
    expect(daysOf('last-month', now)).toEqual({ start: '2026-02-01', end: '2026-02-28' });
    expect(daysOf('7', now)).toEqual({ start: '2026-02-23', end: '2026-03-01' });
  });

  it('between two are all of them, the last ones when there are too many', () => {
    expect(daysBetween('2026-02-27', '2026-03-01', 9)).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
    expect(daysBetween('2020-01-01', '2026-03-01', 2)).toEqual(['2026-02-28', '2026-03-01']);
    expect(daysBetween('', '2026-03-01', 5)).toEqual([]);
  });

  it('that are chosen in the wrong order, or not at all, are said', () => {
    expect(rangeProblem({ start: '2026-03-02', end: '2026-03-01' }, trans)).toContain('exchange them');
    expect(rangeProblem({ start: '', end: '2026-03-01' }, trans)).toBe('Choose both days.');
    expect(rangeProblem({ start: '2026-03-01', end: '2026-03-01' }, trans)).toBeNull();
  });
});
