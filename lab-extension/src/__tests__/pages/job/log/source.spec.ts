import { LogFollower } from '../../../../api/followers';
import type { LogPage } from '../../../../api/types';
import type { ILogFeed, ILogQuery } from '../../../../pages/job/log/source';
import { LogSource } from '../../../../pages/job/log/source';

/** A server that holds a text of one rank, answers at most `pageBytes` at once, and pushes when told to. */
class TextFeed implements ILogFeed {
  constructor(
    public text: string,
    private readonly _pageBytes = Infinity
  ) {}

  readonly asked: ILogQuery[] = [];
  readonly followers: LogFollower[] = [];
  complete = false;
  failure: Error | null = null;

  page(offset: number, limit: number): LogPage {
    const text = this.text.slice(offset, offset + Math.min(limit, this._pageBytes));
    const next = offset + text.length;
    return {
      offset,
      next_offset: next,
      size_bytes: this.text.length,
      complete: this.complete && next === this.text.length,
      segments: text ? [{ rank: 0, time: '2026-11-23T05:31:00.000Z', text }] : []
    };
  }

  async logs(_: string, query: ILogQuery): Promise<LogPage> {
    this.asked.push(query);
    if (this.failure) {
      throw this.failure;
    }
    return this.page(query.offset, query.limitBytes);
  }

  followLog(jobId: string, rank: number | null, offset: number): LogFollower {
    const follower = new LogFollower({ jobId, rank, offset, release: () => undefined });
    this.followers.push(follower);
    return follower;
  }

  /** Push to the last follower whatever it has not seen. */
  push(): void {
    const follower = this.followers.at(-1);
    while (follower && !follower.isDisposed && (follower.offset < this.text.length || this.complete)) {
      const before = follower.offset;
      follower.take(this.page(before, Infinity));
      if (follower.offset === before) {
        return;
      }
    }
  }
}

function makeSource(feed: TextFeed, options: { maxLines?: number; windowBytes?: number } = {}): LogSource {
  return new LogSource({ feed, jobId: 'job-1', maxLines: 1000, windowBytes: 30, ...options });
}

function lines({ buffer }: LogSource): string[] {
  return buffer.toText({ ranks: false }).split('\n').slice(0, -1);
}

const numbered = (count: number): string => Array.from({ length: count }, (_, at) => `line ${at}\n`).join('');

describe('reading a job’s output', () => {
  it('shows a short output with one request and follows it from there', async () => {
    const feed = new TextFeed('a\nb\n');
    const source = makeSource(feed);
    await source.open(null);
    feed.text += 'c\n';
    feed.push();

    expect(lines(source)).toEqual(['a', 'b', 'c']);
    expect(feed.asked).toHaveLength(1);
    expect(source.hasEarlier).toBe(false);
  });

  it('does not follow what is complete', async () => {
    const feed = new TextFeed('a\n');
    feed.complete = true;
    const source = makeSource(feed);
    await source.open(null);

    expect(source.state).toBe('complete');
    expect(feed.followers).toEqual([]);
  });

  it('ends to follow when the job has ended', async () => {
    const feed = new TextFeed('a\n');
    const source = makeSource(feed);
    await source.open(null);
    feed.complete = true;
    feed.push();

    expect(source.state).toBe('complete');
    expect(feed.followers[0]?.isDisposed).toBe(true);
  });

  it('begins a long output near its end, with a whole line', async () => {
    const feed = new TextFeed(numbered(20));
    const source = makeSource(feed);
    await source.open(null);
    feed.push();

    expect(lines(source)).toEqual(['line 17', 'line 18', 'line 19']);
    expect(source.hasEarlier).toBe(true);
  });

  it.each([30, 17, 7, 3, 1])(
    'joins earlier output to it without loss, in windows of %i bytes',
    async windowBytes => {
      const feed = new TextFeed(numbered(20), 11);
      const source = makeSource(feed, { windowBytes });
      await source.open(null);
      feed.push();
      while (source.hasEarlier) {
        await source.loadEarlier();
      }

      expect(lines(source)).toEqual(numbered(20).split('\n').slice(0, -1));
    }
  );

  it('lets go of the end when earlier output leaves no room for it', async () => {
    const feed = new TextFeed(numbered(20));
    const source = makeSource(feed, { maxLines: 5 });
    await source.open(null);
    feed.push();
    await source.loadEarlier();

    expect(source.state).toBe('detached');
    expect(feed.followers[0]?.isDisposed).toBe(true);
    expect(lines(source)).toHaveLength(5);
  });

  it('reads one rank alone when asked', async () => {
    const feed = new TextFeed('a\n');
    const source = makeSource(feed);
    await source.open(null);
    await source.open(3);

    expect(feed.asked.map(query => query.rank)).toEqual([null, 3]);
    expect(feed.followers.map(follower => follower.isDisposed)).toEqual([true, false]);
    expect(lines(source)).toEqual(['a']);
  });

  it('shows only the last choice when two are under way', async () => {
    const feed = new TextFeed('a\n');
    const source = makeSource(feed);
    await Promise.all([source.open(null), source.open(1)]);

    expect(feed.followers).toHaveLength(1);
    expect(source.rank).toBe(1);
    expect(lines(source)).toEqual(['a']);
  });

  it('says why there is no output, and reads it when asked again', async () => {
    const feed = new TextFeed('a\n');
    feed.failure = new Error('No such job');
    const source = makeSource(feed);
    await source.open(null);
    expect([source.state, source.problem]).toEqual(['error', feed.failure]);

    feed.failure = null;
    await source.open(null);
    expect(lines(source)).toEqual(['a']);
  });

  it('gives all of it page by page for a download', async () => {
    const feed = new TextFeed(numbered(20), 11);
    const source = makeSource(feed);
    const texts: string[] = [];
    for await (const page of source.pages()) {
      texts.push(...page.segments.map(segment => segment.text));
    }

    expect(texts.join('')).toBe(numbered(20));
  });

  it('lets go of everything when it is disposed of', async () => {
    const feed = new TextFeed('a\n');
    const source = makeSource(feed);
    await source.open(null);
    const heard = jest.fn();
    source.linesChanged.connect(heard);
    source.dispose();
    feed.text += 'b\n';
    feed.push();

    expect(feed.followers[0]?.isDisposed).toBe(true);
    expect(heard).not.toHaveBeenCalled();
  });
});
