import type { IFakeWindlass } from '../fakes';
import { failure, FakeWebSocket, fakeWindlass, makeJob, makeProblem } from '../fakes';
import { WindlassError } from '../../api/errors';

describe('JobsModel', () => {
  let windlass: IFakeWindlass;
  let changes: number;
  let finished: string[];

  const begin = async (...jobs: ReturnType<typeof makeJob>[]) => {
    windlass = fakeWindlass(jobs);
    changes = 0;
    finished = [];
    windlass.jobs.changed.connect(() => (changes += 1));
    windlass.jobs.finished.connect((_, job) => finished.push(job.id));
  };
  const settle = async (milliseconds = 0) => jest.advanceTimersByTimeAsync(milliseconds);

  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    windlass.jobs.dispose();
    windlass.socket.dispose();
    jest.useRealTimers();
  });

  it('is loading, then ready, and asks for the socket', async () => {
    await begin(makeJob());
    expect(windlass.jobs.status).toBe('loading');
    windlass.jobs.start();
    await settle();
    expect([windlass.jobs.status, windlass.jobs.jobs.length, changes]).toEqual(['ready', 1, 1]);
    expect(FakeWebSocket.made).toHaveLength(1);
  });

  it('polls no more while the socket is open, and again once it is lost', async () => {
    await begin();
    windlass.jobs.start();
    await settle();
    FakeWebSocket.last.greet();
    await settle(60_000);
    expect(windlass.client.list).toHaveBeenCalledTimes(1);
    FakeWebSocket.last.drop();
    await settle();
    expect(windlass.client.list).toHaveBeenCalledTimes(2);
  });

  it('signals a change only when there is one', async () => {
    await begin(makeJob());
    windlass.jobs.start();
    await settle();
    FakeWebSocket.last.greet();
    FakeWebSocket.last.tell([makeJob()], { reset: true });
    expect(changes).toBe(1);
    FakeWebSocket.last.tell([makeJob({ version: 2, reason: 'new' })]);
    expect(changes).toBe(2);
  });

  it('tells once of a job that has ended, and not of history', async () => {
    await begin(makeJob(), makeJob({ id: 'old', state: 'succeeded' }));
    windlass.jobs.start();
    await settle();
    FakeWebSocket.last.greet();
    FakeWebSocket.last.tell([makeJob({ state: 'failed', version: 2 })]);
    FakeWebSocket.last.tell([makeJob({ state: 'failed', version: 3 })]);
    expect(finished).toEqual(['job-1']);
  });

  it('is stale when the server is lost, keeps the list, and recovers', async () => {
    await begin(makeJob());
    windlass.jobs.start();
    await settle();
    windlass.client.list.mockRejectedValueOnce(failure('offline'));
    await windlass.jobs.refresh();
    expect([windlass.jobs.status, windlass.jobs.jobs.length]).toEqual(['stale', 1]);
    expect(windlass.jobs.problem?.kind).toBe('offline');
    await windlass.jobs.refresh();
    expect([windlass.jobs.status, windlass.jobs.problem]).toEqual(['ready', null]);
  });

  it.each([
    ['offline', 'error'],
    ['stopped', 'error'],
    ['problem', 'error'],
    ['forbidden', 'forbidden'],
    ['absent', 'absent']
  ] as const)('says after a first answer of %s that it is %s', async (kind, status) => {
    await begin();
    windlass.client.list.mockRejectedValue(failure(kind));
    windlass.jobs.start();
    await settle();
    expect(windlass.jobs.status).toBe(status);
  });

  it('leaves an absent server half in peace, and finds it when it has come', async () => {
    await begin(makeJob());
    windlass.client.list.mockRejectedValueOnce(failure('absent', 404));
    windlass.jobs.start();
    await settle();
    expect(FakeWebSocket.made).toHaveLength(0);
    await windlass.jobs.refresh();
    expect([windlass.jobs.status, FakeWebSocket.made.length]).toEqual(['ready', 1]);
  });

  it('asks less and less often while there is no answer', async () => {
    await begin();
    windlass.client.list.mockRejectedValue(failure('offline'));
    windlass.jobs.start();
    await settle(600_000);
    const { length } = windlass.client.list.mock.calls;
    expect(length).toBeGreaterThan(2);
    expect(length).toBeLessThan(30);
  });

  it('sends a submission without an answer again under the same key', async () => {
    await begin();
    windlass.client.submit.mockRejectedValueOnce(failure('offline'));
    const sent = windlass.jobs.submit({ notebook: 'a.ipynb' });
    await settle(1000);
    const job = await sent;
    const keys = windlass.client.submit.mock.calls.map(([, key]) => key);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(windlass.jobs.get(job.id)).toEqual(job);
  });

  it('gives every submission its own key', async () => {
    await begin();
    await windlass.jobs.submit({ notebook: 'a.ipynb' });
    await windlass.jobs.submit({ notebook: 'a.ipynb' });
    expect(new Set(windlass.client.submit.mock.calls.map(([, key]) => key)).size).toBe(2);
  });

  it('hands on a refusal at once', async () => {
    await begin();
    windlass.client.submit.mockRejectedValue(failure('problem', 400));
    await expect(windlass.jobs.submit({ notebook: 'a.ipynb' })).rejects.toBeInstanceOf(WindlassError);
    expect(windlass.client.submit).toHaveBeenCalledTimes(1);
  });

  it('shows a stop at once', async () => {
    await begin(makeJob());
    windlass.jobs.start();
    await settle();
    await windlass.jobs.stop('job-1');
    expect(windlass.jobs.get('job-1')?.state).toBe('stopped');
  });

  it('takes a job that another tab has deleted for deleted', async () => {
    await begin(makeJob());
    windlass.jobs.start();
    await settle();
    const problem = makeProblem({ status: 404 });
    windlass.client.remove.mockRejectedValueOnce(
      new WindlassError({ kind: 'problem', status: 404, message: '', problem })
    );
    await windlass.jobs.remove('job-1');
    expect(windlass.jobs.jobs).toEqual([]);
  });

  it('is silent once disposed', async () => {
    await begin(makeJob());
    windlass.jobs.start();
    windlass.jobs.dispose();
    await settle();
    expect(changes).toBe(0);
  });
});
