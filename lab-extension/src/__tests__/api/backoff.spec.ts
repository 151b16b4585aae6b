import { Backoff } from '../../api/backoff';

describe('Backoff', () => {
  it('doubles up to the longest wait and begins again after a reset', () => {
    const backoff = new Backoff({ firstMilliseconds: 1000, longestMilliseconds: 5000, random: () => 1 });
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([1000, 2000, 4000, 5000, 5000]);
    backoff.reset();
    expect(backoff.next()).toBe(1000);
  });

  it('never waits less than half the bound', () => {
    const backoff = new Backoff({ firstMilliseconds: 1000, longestMilliseconds: 5000, random: () => 0 });
    expect(backoff.next()).toBe(500);
  });
});
