import type { LogPage } from '../../api/types';
import { WindlassSocket } from '../../api/socket';
import { Backoff } from '../../api/backoff';
import { FakeWebSocket, fakeSettings, makeJob, makeProblem } from '../fakes';

describe('WindlassSocket', () => {
  let socket: WindlassSocket;

  beforeEach(() => {
    jest.useFakeTimers();
    FakeWebSocket.reset();
    const backoff = new Backoff({ firstMilliseconds: 1000, longestMilliseconds: 8000, random: () => 1 });
    socket = new WindlassSocket({ serverSettings: fakeSettings(), backoff });
  });

  afterEach(() => {
    socket.dispose();
    jest.useRealTimers();
  });

  it('opens no connection until somebody needs one', () => {
    expect(FakeWebSocket.made).toHaveLength(0);
    socket.subscribeJobs();
    expect(FakeWebSocket.last.url).toBe('ws://jupyter.test/base/windlass/v1/socket?token=secret');
  });

  it('says nothing before the server has greeted, then everything that lasts', () => {
    socket.subscribeJobs();
    socket.followLog('j1', 0, 40);
    socket.followNotebook('j1');
    expect(FakeWebSocket.last.sent).toEqual([]);
    FakeWebSocket.last.greet();
    expect(FakeWebSocket.last.sent).toEqual([
      { type: 'subscribe_jobs', cursor: null },
      { type: 'subscribe_log', job_id: 'j1', rank: 0, offset: 40 },
      { type: 'subscribe_notebook', job_id: 'j1' }
    ]);
  });

  it('goes on with jobs from the last cursor and with output from the last offset', () => {
    socket.subscribeJobs();
    const follower = socket.followLog('j1', null);
    const texts = heard(follower);
    FakeWebSocket.last.greet();
    FakeWebSocket.last.tell([makeJob()], { cursor: 'c7', reset: true });
    FakeWebSocket.last.say({ type: 'log', job_id: 'j1', rank: null, page: page(0, 10, 'one') });
    FakeWebSocket.last.drop();
    jest.advanceTimersByTime(1000);
    expect(FakeWebSocket.made).toHaveLength(2);
    FakeWebSocket.last.greet();
    expect(FakeWebSocket.last.sent).toEqual([
      { type: 'subscribe_jobs', cursor: 'c7' },
      { type: 'subscribe_log', job_id: 'j1', rank: null, offset: 10 }
    ]);
    FakeWebSocket.last.say({ type: 'log', job_id: 'j1', rank: null, page: page(0, 10, 'one') });
    FakeWebSocket.last.say({ type: 'log', job_id: 'j1', rank: null, page: page(10, 20, 'two') });
    expect(texts).toEqual(['one', 'two']);
  });

  it('does not ask again for output that is complete', () => {
    socket.followLog('j1', 0);
    FakeWebSocket.last.greet();
    const whole = { ...page(0, 5, 'all'), complete: true };
    FakeWebSocket.last.say({ type: 'log', job_id: 'j1', rank: 0, page: whole });
    FakeWebSocket.last.drop();
    jest.advanceTimersByTime(1000);
    FakeWebSocket.last.greet();
    expect(FakeWebSocket.last.sent).toEqual([]);
  });

  it('waits longer after each failure, and no longer once it was greeted', () => {
    socket.connect();
    for (const wait of [1000, 2000, 4000, 8000, 8000]) {
      const before = FakeWebSocket.made.length;
      FakeWebSocket.last.drop();
      jest.advanceTimersByTime(wait - 1);
      expect(FakeWebSocket.made).toHaveLength(before);
      jest.advanceTimersByTime(1);
      expect(FakeWebSocket.made).toHaveLength(before + 1);
    }
    FakeWebSocket.last.greet();
    FakeWebSocket.last.drop();
    jest.advanceTimersByTime(1000);
    expect(FakeWebSocket.made).toHaveLength(7);
  });

  it('tries at once when the network is back', () => {
    socket.connect();
    FakeWebSocket.last.drop();
    window.dispatchEvent(new Event('online'));
    expect(FakeWebSocket.made).toHaveLength(2);
    jest.advanceTimersByTime(60_000);
    expect(FakeWebSocket.made).toHaveLength(2);
  });

  it('stays closed after a disconnect', () => {
    socket.connect();
    const opened = FakeWebSocket.last;
    opened.greet();
    socket.disconnect();
    jest.advanceTimersByTime(60_000);
    expect(opened.isClosed).toBe(true);
    expect(FakeWebSocket.made).toHaveLength(1);
  });

  it('lets the server know when nobody follows any more', () => {
    const log = socket.followLog('j1', 0);
    const first = socket.followNotebook('j1');
    const second = socket.followNotebook('j1');
    FakeWebSocket.last.greet();
    FakeWebSocket.last.sent.length = 0;
    log.dispose();
    first.dispose();
    expect(FakeWebSocket.last.sent).toEqual([{ type: 'unsubscribe_log', job_id: 'j1', rank: 0 }]);
    second.dispose();
    expect(FakeWebSocket.last.sent.at(-1)).toEqual({ type: 'unsubscribe_notebook', job_id: 'j1' });
  });

  it('hands a problem to whoever follows that job, else to all', () => {
    const follower = socket.followLog('j1', 0);
    const ofFollower: string[] = [];
    const ofSocket: string[] = [];
    follower.problem.connect((_, problem) => ofFollower.push(problem.detail));
    socket.problem.connect((_, problem) => ofSocket.push(problem.detail));
    FakeWebSocket.last.greet();
    FakeWebSocket.last.say({ type: 'problem', job_id: 'j1', problem: makeProblem({ detail: 'gone' }) });
    FakeWebSocket.last.say({ type: 'problem', job_id: null, problem: makeProblem({ detail: 'odd' }) });
    expect([ofFollower, ofSocket]).toEqual([['gone'], ['odd']]);
  });

  it.each([
    ['not JSON', '{'],
    ['of a kind that this version does not know', '{"type": "weather"}'],
    ['no object', '7'],
    ['not text', new ArrayBuffer(1)]
  ])('passes over a message that is %s', (_, data) => {
    socket.subscribeJobs();
    FakeWebSocket.last.onmessage?.({ data });
    FakeWebSocket.last.greet();
    expect(socket.isOpen).toBe(true);
  });

  describe('asked to save', () => {
    const ask = async () => {
      socket.connect();
      FakeWebSocket.last.greet();
      FakeWebSocket.last.say({ type: 'save', nonce: 'n1', path: 'a.ipynb' });
      await jest.advanceTimersByTimeAsync(0);
      return FakeWebSocket.last.sent;
    };

    it('answers with what the responder did', async () => {
      socket.saveResponder = async path => ({ result: 'saved', message: path });
      expect(await ask()).toEqual([{ type: 'saved', nonce: 'n1', result: 'saved', message: 'a.ipynb' }]);
    });

    it('answers that nothing is open when nobody can save', async () => {
      expect(await ask()).toEqual([{ type: 'saved', nonce: 'n1', result: 'not_open', message: null }]);
    });

    it('answers with the failure when saving throws', async () => {
      socket.saveResponder = async () => Promise.reject(new Error('disk full'));
      expect(await ask()).toEqual([{ type: 'saved', nonce: 'n1', result: 'failed', message: 'disk full' }]);
    });
  });
});

function page(offset: number, next: number, text: string): LogPage {
  const segments = [{ rank: 0, time: '2026-11-23T05:31:00.000Z', text }];
  return { offset, next_offset: next, size_bytes: next, complete: false, segments };
}

function heard(follower: ReturnType<WindlassSocket['followLog']>): string[] {
  const texts: string[] = [];
  follower.page.connect((_, { segments }) => texts.push(...segments.map(segment => segment.text)));
  return texts;
}
