/** Which curves are asked for, when, and what is shown meanwhile. */
import { nullTranslator } from '@jupyterlab/translation';
import type { Curve, Curves, CurvesRequest } from '../../../api/types';
import { CurvesModel } from '../../../pages/compare/curves/model';
import { makeCurve } from '../../comparison';
import { failure } from '../../fakes';

/** A server whose answers wait until they are let go. */
class SlowServer {
  readonly asked: CurvesRequest[] = [];

  curves = async (body: CurvesRequest): Promise<Curves> => {
    this.asked.push(body);
    return new Promise((resolve, reject) => {
      this._waiting.push({
        resolve: curves => resolve({ curves, missing: [] }),
        reject
      });
    });
  };

  async answer(...curves: Curve[]): Promise<void> {
    this._waiting.shift()?.resolve(curves);
    await settled();
  }

  async fail(): Promise<void> {
    this._waiting.shift()?.reject(failure('offline'));
    await settled();
  }

  private readonly _waiting: { resolve: (curves: Curve[]) => void; reject: (error: Error) => void }[] = [];
}

async function settled(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 0));
}

describe('curves', () => {
  let server: SlowServer;
  let model: CurvesModel;

  beforeEach(() => {
    server = new SlowServer();
    model = new CurvesModel({
      client: server,
      runIds: ['a', 'b'],
      trans: nullTranslator.load('windlass')
    });
  });

  afterEach(() => model.dispose());

  it('are a first look, then an even sample of those that are long', async () => {
    model.show(['loss']);
    expect(server.asked).toMatchObject([{ run_ids: ['a', 'b'], metrics: ['loss'], quick: true }]);
    await server.answer(makeCurve([1, 9], { coarse: true }), makeCurve([2], { run_id: 'b' }));

    expect(model.state).toBe('coarse');
    expect(model.curvesOf('loss')).toHaveLength(2);
    expect(server.asked[1]).toMatchObject({ run_ids: ['a'], quick: false });
    await server.answer(makeCurve([1, 5, 9]));

    expect(model.state).toBe('ready');
    expect(model.curvesOf('loss').map(({ values }) => values)).toEqual([[1, 5, 9], [2]]);
  });

  it('are read once, however often a metric is chosen', async () => {
    model.show(['loss']);
    await server.answer(makeCurve([1]));
    model.show(['loss', 'accuracy']);
    await server.answer(makeCurve([2], { metric: 'accuracy' }));
    model.show(['loss']);
    await settled();

    expect(server.asked.map(({ metrics }) => metrics)).toEqual([['loss'], ['accuracy']]);
  });

  it('of many metrics are asked for two at a time, and not at all once they are out of view', async () => {
    model.show(['a', 'b', 'c', 'd']);
    expect(server.asked).toHaveLength(2);
    model.show(['a']);
    await server.answer();
    await server.answer();

    expect(server.asked.map(({ metrics }) => metrics)).toEqual([['a'], ['b']]);
  });

  it('of a part are asked for in full, and the sample is shown until they come', async () => {
    model.show(['loss']);
    await server.answer(makeCurve([0, 1, 2], { steps: [0, 10, 20], sampled: true }));
    model.zoom({ from: 8, to: 12 });
    expect(server.asked[1]).toMatchObject({ from_step: 8, to_step: 12, quick: false });
    expect(model.curvesOf('loss')[0]?.steps).toEqual([0, 10, 20]);
    await server.answer(makeCurve([1, 2, 3], { steps: [9, 10, 11] }));

    expect(model.curvesOf('loss')[0]?.steps).toEqual([0, 9, 10, 11, 20]);
    model.zoom(null);
    expect(model.curvesOf('loss')[0]?.steps).toEqual([0, 10, 20]);
    expect(server.asked).toHaveLength(2);
  });

  it('of a part that is left before they come are not shown', async () => {
    model.show(['loss']);
    await server.answer(makeCurve([0, 1], { steps: [0, 10] }));
    model.zoom({ from: 1, to: 2 });
    model.zoom({ from: 5, to: 6 });
    await server.answer(makeCurve([7], { steps: [1] }));
    expect(model.curvesOf('loss')[0]?.steps).toEqual([0, 10]);
    await server.answer(makeCurve([8], { steps: [5] }));

    expect(model.curvesOf('loss')[0]?.steps).toEqual([0, 5, 10]);
  });

  it('that cannot be read are asked for again when wanted', async () => {
    model.show(['loss']);
    await server.fail();
    expect(model.state).toBe('error');
    expect(model.problem).toContain('does not answer');
    model.retry();
    await server.answer(makeCurve([1]));

    expect([model.state, model.problem]).toEqual(['ready', null]);
  });

  it('of runs that go on grow, and stay when the server is away for a while', async () => {
    model.show(['loss']);
    await server.answer(makeCurve([1], { running: true }), makeCurve([5], { run_id: 'b' }));
    const following = model.follow(['a']);
    expect(server.asked[1]?.run_ids).toEqual(['a']);
    await server.answer(makeCurve([1, 2]));
    await following;
    expect(model.curvesOf('loss').map(({ values }) => values)).toEqual([[1, 2], [5]]);

    const failing = model.follow(['a']);
    await server.fail();
    await failing;
    expect(model.state).toBe('ready');
    expect(model.curvesOf('loss')).toHaveLength(2);
  });

  it('count relative time from the first point that a run has in any metric in view', async () => {
    model.show(['loss', 'accuracy']);
    await server.answer(makeCurve([1], { times_ms: [5000] }));
    await server.answer(makeCurve([1], { metric: 'accuracy', times_ms: [3000] }));

    expect(model.origins.get('a')).toBe(3000);
  });
});
