import { nullTranslator } from '@jupyterlab/translation';
import type { WindlassError } from '../../api/errors';
import { toMessage } from '../../api/errors';
import { WindlassClient } from '../../api/client';
import { encodeQuery, request } from '../../api/request';
import { fakeSettings, makeProblem } from '../fakes';

const trans = nullTranslator.load('windlass');

describe('request', () => {
  const answering = (answer: () => Promise<Response>) => {
    const fetch = jest.fn<Promise<Response>, [RequestInfo, RequestInit?]>(answer);
    return { fetch, settings: { ...fakeSettings(), fetch } };
  };
  const answer = (status: number, body: string, type = 'application/json') =>
    answering(async () => new Response(body, { status, headers: { 'Content-Type': type } })).settings;
  const failing = async (settings: ReturnType<typeof fakeSettings>) =>
    request(settings, 'jobs').then(
      () => Promise.reject(new Error('It did not fail')),
      (error: unknown) => error as WindlassError
    );

  it('gives the parsed answer', async () => {
    await expect(request(answer(200, '{"items": []}'), 'jobs')).resolves.toEqual({ items: [] });
  });

  it('gives nothing for an answer without content', async () => {
    const { settings } = answering(async () => new Response(null, { status: 204 }));
    await expect(request(settings, 'jobs/1', { method: 'DELETE' })).resolves.toBeUndefined();
  });

  it('says what the server half said, at its field', async () => {
    const problem = makeProblem({ status: 400, fields: [{ field: 'workers', message: 'At least 1.' }] });
    const error = await failing(answer(400, JSON.stringify(problem), 'application/problem+json'));
    expect([error.kind, error.status, error.fieldMessage('workers')]).toEqual([
      'problem',
      400,
      'At least 1.'
    ]);
    expect(toMessage(error, trans)).toBe('The job has ended.');
  });

  it.each([
    [404, 'absent', 'pip install windlass'],
    [401, 'forbidden', 'sign in'],
    [403, 'forbidden', 'sign in'],
    [503, 'stopped', 'from the hub'],
    [424, 'stopped', 'from the hub'],
    [500, 'problem', 'status 500']
  ])('takes a bare %i for %s', async (status, kind, words) => {
    const error = await failing(answer(status, '<html>', 'text/html'));
    expect(error.kind).toBe(kind);
    expect(toMessage(error, trans)).toContain(words);
  });

  it.each([404, 503])('takes a %i that the server half explains for a problem', async status => {
    const body = JSON.stringify(makeProblem({ status }));
    expect((await failing(answer(status, body, 'application/problem+json'))).kind).toBe('problem');
  });

  it('takes a page in the place of an answer for a server that was stopped', async () => {
    expect((await failing(answer(200, '<html>', 'text/html'))).kind).toBe('stopped');
  });

  it('says that nobody answers', async () => {
    const { settings } = answering(async () => Promise.reject(new TypeError('Failed to fetch')));
    expect((await failing(settings)).kind).toBe('offline');
  });

  it('sends the key and the body of a submission', async () => {
    const { fetch, settings } = answering(async () => new Response('{}', { status: 201 }));
    await new WindlassClient({ serverSettings: settings }).submit({ notebook: 'a.ipynb' }, 'k1');
    const sent = fetch.mock.calls[0]?.[0] as Request;
    expect([sent.method, sent.url, sent.headers.get('Idempotency-Key'), await sent.text()]).toEqual([
      'POST',
      'http://jupyter.test/base/windlass/v1/jobs',
      'k1',
      '{"notebook":"a.ipynb"}'
    ]);
  });

  it('encodes ids that are no plain words', async () => {
    const { fetch, settings } = answering(async () => new Response('{}'));
    await new WindlassClient({ serverSettings: settings }).logs('a/b ?', {
      rank: 0,
      offset: 5,
      limitBytes: 9
    });
    expect((fetch.mock.calls[0]?.[0] as Request).url).toMatch(
      /jobs\/a%2Fb%20%3F\/logs\?rank=0&offset=5&limit_bytes=9/
    );
  });

  it('leaves out of the query what is not set', () => {
    expect(encodeQuery({ a: null, b: undefined, c: '', d: 0 })).toBe('?d=0');
    expect(encodeQuery(undefined)).toBe('');
  });
});
