/** Curves as they are drawn: over which axis, how smooth, where the gaps are, and what tells them apart. */
import { nullTranslator } from '@jupyterlab/translation';
import { compose, describe as describeChart } from '../../../pages/compare/curves/compose';
import type { ILineOptions } from '../../../pages/compare/curves/lines';
import {
  heightOf,
  indexAfter,
  lonely,
  spliced,
  stepsWithin,
  toLine,
  valueAt
} from '../../../pages/compare/curves/lines';
import { smooth } from '../../../pages/compare/curves/smoothing';
import { DISTINCT, spread, styleOf } from '../../../pages/compare/curves/styles';
import { logTicks, scaleOf, ticksOf } from '../../../pages/compare/scale';
import { makeCurve } from '../../comparison';

const trans = nullTranslator.load('windlass');

const plain: ILineOptions = { axis: 'step', isLog: false, smoothing: 0, origins: new Map([['a', 60_000]]) };

describe('a line', () => {
  it('lies over the step, the time since the first point, or the time of day', () => {
    const curve = makeCurve([1, 2, 3]);
    expect(toLine(curve, plain).xs).toEqual([0, 1, 2]);
    expect(toLine(curve, { ...plain, axis: 'relative' }).xs).toEqual([0, 1, 2]);
    expect(toLine(curve, { ...plain, axis: 'wall' }).xs).toEqual([60, 61, 62]);
  });

  it('goes on in time though steps were logged in another order', () => {
    const curve = makeCurve([1, 2, 3], { times_ms: [62_000, 60_000, 61_000] });
    const line = toLine(curve, { ...plain, axis: 'relative' });
    expect([line.xs, line.ys, line.steps]).toEqual([
      [0, 1, 2],
      [2, 3, 1],
      [1, 2, 0]
    ]);
  });

  it('has gaps where there is no number, and on a logarithmic axis where there is no place', () => {
    const curve = makeCurve([1, null, -2, 0, 4]);
    expect(toLine(curve, plain).ys).toEqual([1, null, -2, 0, 4]);
    const line = toLine(curve, { ...plain, isLog: true });
    expect(line.ys).toEqual([1, null, null, null, 4]);
    expect(line.unshown).toBe(2);
  });

  it('keeps what was measured behind what is smoothed', () => {
    const line = toLine(makeCurve([1, 3]), { ...plain, smoothing: 0.5 });
    expect(line.raw).toEqual([1, 3]);
    expect(line.ys[1]).toBeCloseTo(7 / 3);
    expect(toLine(makeCurve([1, 3]), plain).raw).toBeNull();
  });

  it('shows points that no line goes through', () => {
    expect(lonely([1, null, 2, 3, null, 4])).toEqual([0, 5]);
    expect(lonely([1])).toEqual([0]);
  });

  it('has at a place the newest value before it', () => {
    const line = toLine(makeCurve([5, 6, 7], { steps: [0, 10, 20] }), plain);
    expect([-1, 0, 9, 10, 99].map(x => valueAt(line, x))).toEqual([null, 5, 5, 6, 7]);
  });
});

describe('smoothing', () => {
  it('leaves a constant as it is from its first value on', () => {
    for (const value of smooth([3, 3, 3, 3], 0.9)) {
      expect(value).toBeCloseTo(3, 12);
    }
  });

  it('is the weighted mean of all values so far, the newest weighing most', () => {
    const [, , third] = smooth([1, 2, 4], 0.5);
    expect(third).toBeCloseTo((1 * 0.25 + 2 * 0.5 + 4) / (0.25 + 0.5 + 1), 12);
  });

  it('keeps gaps, which weigh nothing', () => {
    const [one, gap, two] = smooth([1, null, 3], 0.5);
    expect(gap).toBeNull();
    expect([one, two]).toEqual(smooth([1, 3], 0.5));
  });
});

describe('a part that is looked at closely', () => {
  const whole = [makeCurve([0, 1, 2, 3], { steps: [0, 10, 20, 30], sampled: true })];

  it('has all its points between those of the sample', () => {
    const part = [makeCurve([1, 1.5, 2], { steps: [10, 15, 20] })];
    const [curve] = spliced(whole, part, { from: 9, to: 21 });
    expect(curve?.steps).toEqual([0, 10, 15, 20, 30]);
    expect(curve?.values).toEqual([0, 1, 1.5, 2, 3]);
    expect(curve?.sampled).toBe(false);
  });

  it('is the sample while there is nothing better', () => {
    expect(spliced(whole, [], { from: 9, to: 21 })).toEqual(whole);
  });

  it('is asked for by steps, however it was marked', () => {
    const lines = whole.map(curve => toLine(curve, { ...plain, axis: 'relative' }));
    expect(stepsWithin(lines, 'step', [1.4, 3.2])).toEqual({ from: 1, to: 4 });
    // From the neighbour before the mark to the one behind it.
    expect(stepsWithin(lines, 'relative', [1.5, 1.8])).toEqual({ from: 10, to: 20 });
    expect(stepsWithin([], 'relative', [0, 1])).toBeNull();
  });

  it('decides how high the chart is', () => {
    const lines = [toLine(makeCurve([100, 1, 2, 100]), plain)];
    const [low, high] = heightOf(lines, [1, 2], false) ?? [];
    expect(low).toBeCloseTo(0.95);
    expect(high).toBeCloseTo(2.05);
    expect(heightOf(lines, [7, 9], false)).toBeNull();
  });
});

it('finds places among many', () => {
  const xs = [1, 2, 2, 5];
  expect([0, 1, 2, 4, 5, 6].map(x => indexAfter(xs, x))).toEqual([0, 1, 3, 3, 4, 4]);
});

describe('charts', () => {
  const options = {
    ...plain,
    metrics: ['loss', 'accuracy'],
    curvesOf: (metric: string) => [makeCurve([1, 2], { metric }), makeCurve([3], { metric, run_id: 'b' })],
    runIds: ['a', 'b'],
    hidden: new Set<string>(),
    isSplit: false,
    range: null
  };

  it('are one for all metrics, or one for each', () => {
    expect(compose(options).map(({ lines }) => lines.length)).toEqual([4]);
    const each = compose({ ...options, isSplit: true });
    expect(each.map(({ metrics, lines }) => [metrics, lines.length])).toEqual([
      [['loss'], 2],
      [['accuracy'], 2]
    ]);
  });

  it('show a run in one colour, and metrics by their dashes', () => {
    const [chart] = compose(options);
    const [first, second, third] = chart?.lines ?? [];
    expect(first?.style.colour).toBe(third?.style.colour);
    expect(first?.style.dash).not.toEqual(third?.style.dash);
    expect(first?.style.colour).not.toBe(second?.style.colour);
  });

  it('leave out hidden runs, and keep the looks of the others', () => {
    const all = compose({ ...options, metrics: ['loss'] })[0]?.lines;
    const [chart] = compose({ ...options, metrics: ['loss'], hidden: new Set(['a']) });
    expect(chart?.lines).toEqual([all?.[1]]);
  });

  it('have nothing to draw when no value is finite', () => {
    const [chart] = compose({ ...options, curvesOf: () => [makeCurve([null, null])] });
    expect(chart?.drawing).toBeNull();
  });

  it('are told in words', () => {
    const [chart] = compose({ ...options, metrics: ['loss'] });
    const words = chart && describeChart(chart, 'step', line => `run ${line.runId}`, trans);
    expect(words).toBe(
      'Line chart of loss over step. run a: at last 2. run b: at last 3. “Table” shows the values.'
    );
  });
});

describe('looks', () => {
  it(`are different for ${DISTINCT} runs`, () => {
    const looks = Array.from({ length: DISTINCT }, (_, run) => JSON.stringify(styleOf(run, null)));
    expect(new Set(looks).size).toBe(DISTINCT);
  });

  it('differ by more than the colour between neighbours', () => {
    for (let run = 0; run < DISTINCT; run++) {
      expect(styleOf(run, null).dash).not.toEqual(styleOf(run + 1, null).dash);
    }
  });
});

describe('labels', () => {
  it.each([
    [[10, 12, 200], 'near each other'],
    [[345, 349, 348], 'at the bottom'],
    [[-20, 0, 0], 'at the top']
  ])('%j, %s, are moved apart and stay in sight', tops => {
    const placed = spread(tops, 20, 350);
    const sorted = [...placed].sort((one, other) => one - other);
    sorted.slice(1).forEach((top, at) => expect(top - (sorted[at] ?? 0)).toBeGreaterThanOrEqual(20));
    expect(sorted[0]).toBeGreaterThanOrEqual(0);
    expect(sorted.at(-1)).toBeLessThanOrEqual(330);
  });

  it('stay where they are when there is room, in the order of their lines', () => {
    expect(spread([200, 10, 100], 20, 350)).toEqual([200, 10, 100]);
  });
});

describe('axes', () => {
  it('have round numbers', () => {
    expect(ticksOf(0.93, 0.99)).toEqual([0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]);
    expect(ticksOf(-3, 12)).toEqual([0, 5, 10]);
    expect(logTicks(0.001, 1000)).toEqual(
      [0.001, 0.01, 0.1, 1, 10, 100, 1000].filter((_, at) => at % 2 === 0)
    );
    expect(logTicks(0.01, 0.3)).toEqual([0.01, 0.02, 0.05, 0.1, 0.2]);
    expect(logTicks(0.7, 0.9)).toEqual([0.7, 0.75, 0.8, 0.85, 0.9]);
  });

  it('have a place for every value, also for one alone', () => {
    for (const [values, isLog] of [
      [[5], false],
      [[0], false],
      [[1e-6, 1e6], true],
      [[-2, 7], false]
    ] as const) {
      const { place } = scaleOf(values, isLog);
      values.map(place).forEach(at => {
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThanOrEqual(1);
      });
    }
  });
});
