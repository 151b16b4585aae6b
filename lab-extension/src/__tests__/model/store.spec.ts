import { JobStore } from '../../model/store';
import { makeJob } from '../fakes';

const at = (minute: number) => `2026-11-23T05:${String(minute).padStart(2, '0')}:00.000Z`;

describe('JobStore', () => {
  const ids = (store: JobStore) => store.jobs.map(job => job.id);

  it('keeps the newest first', () => {
    const store = new JobStore();
    const jobs = [1, 3, 2].map(minute => makeJob({ id: `m${minute}`, created_at: at(minute) }));
    store.apply({ jobs, reach: 'whole' });
    expect(ids(store)).toEqual(['m3', 'm2', 'm1']);
  });

  it('says that nothing has changed when the same is heard again', () => {
    const store = new JobStore();
    expect(store.apply({ jobs: [makeJob()], reach: 'whole' }).isChanged).toBe(true);
    const { jobs } = store;
    expect(store.apply({ jobs: [makeJob()], reach: 'whole' }).isChanged).toBe(false);
    expect(store.apply({ jobs: [], removed: ['unknown'], reach: 'delta' }).isChanged).toBe(false);
    expect(store.jobs).toBe(jobs);
  });

  it('passes over news that is older than what it knows', () => {
    const store = new JobStore();
    store.apply({ jobs: [makeJob({ version: 5, state: 'succeeded' })], reach: 'delta' });
    store.apply({ jobs: [makeJob({ version: 4, state: 'running' })], reach: 'delta' });
    expect(store.get('job-1')?.state).toBe('succeeded');
  });

  it('forgets what a whole list does not have', () => {
    const store = new JobStore();
    store.apply({ jobs: [makeJob({ id: 'a' }), makeJob({ id: 'b' })], reach: 'whole' });
    store.apply({ jobs: [makeJob({ id: 'b' })], reach: 'whole' });
    expect(ids(store)).toEqual(['b']);
  });

  it('keeps what is older than the oldest of a page, and forgets what should be on it', () => {
    const store = new JobStore();
    const [old, gone, known] = [1, 5, 6].map(minute => makeJob({ id: `m${minute}`, created_at: at(minute) }));
    store.apply({ jobs: [old, gone, known].filter(job => job !== undefined), reach: 'whole' });
    const page = [makeJob({ id: 'm6', created_at: at(6) }), makeJob({ id: 'm4', created_at: at(4) })];
    store.apply({ jobs: page, reach: 'page' });
    expect(ids(store)).toEqual(['m6', 'm4', 'm1']);
  });

  it('tells of a job that ends, once, and not of history', () => {
    const store = new JobStore();
    const history = makeJob({ id: 'old', state: 'failed' });
    expect(store.apply({ jobs: [makeJob(), history], reach: 'whole' }).finished).toEqual([]);
    const ended = makeJob({ state: 'succeeded', version: 2 });
    expect(store.apply({ jobs: [ended], reach: 'delta' }).finished).toEqual([ended]);
    const amended = makeJob({ state: 'succeeded', record: 'uploaded', version: 3 });
    expect(store.apply({ jobs: [amended], reach: 'delta' }).finished).toEqual([]);
  });

  it('tells of a job so quick that it is first heard of when it has ended', () => {
    const quick = makeJob({ id: 'quick', state: 'succeeded' });
    expect(new JobStore().apply({ jobs: [quick], reach: 'delta' }).finished).toEqual([quick]);
  });

  it('counts on from what the server said, by its own clock', () => {
    let now = 1000;
    const store = new JobStore({ now: () => now });
    const running = makeJob({ duration_seconds: 10 });
    const ended = makeJob({ id: 'e', state: 'failed', duration_seconds: 5 });
    const waiting = makeJob({ id: 'w', state: 'queued', duration_seconds: null });
    store.apply({ jobs: [running, ended, waiting], reach: 'whole' });
    now += 2500;
    expect([running, ended, waiting].map(job => store.elapsedSeconds(job))).toEqual([12.5, 5, null]);
  });
});
