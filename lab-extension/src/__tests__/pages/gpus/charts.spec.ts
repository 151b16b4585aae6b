import { nullTranslator } from '@jupyterlab/translation';
import type { UsageSummary } from '../../../api/types';
import { achievedText, gainsOf, tookFigures } from '../../../pages/gpus/achieved';
import type { IChartsOptions } from '../../../pages/gpus/charts';
import { chartsOf, describeChart } from '../../../pages/gpus/charts';
import type { IGpuPast } from '../../../pages/gpus/series';
import { costLine, deviceLines, figuresOf, namesOf } from '../../../pages/gpus/series';
import { makeJob } from '../../fakes';
import { GIB, makeHistory, makeLine } from '../../gpus';

const trans = nullTranslator.load('windlass');

function makePast(given: Partial<IGpuPast> = {}): IGpuPast {
  return { history: makeHistory(), trailOf: () => [], usdSince: [], origin: 0, ...given };
}

function draw(given: Partial<IChartsOptions> = {}): ReturnType<typeof chartsOf> {
  const plain = { metrics: [], isJob: true, axis: 'relative', range: null, together: 'page', trans } as const;
  return chartsOf({ past: makePast(), ...plain, ...given });
}

describe('lines of devices', () => {
  it('are per cent, GiB and watts since the origin', () => {
    const past = makePast({ origin: 990 });
    const of = (figure: 'engine' | 'memory' | 'power') => deviceLines(past, figure, trans)[0];
    expect(of('engine')).toMatchObject({ xs: [0, 10], ys: [50, 100] });
    expect(of('memory')).toMatchObject({ ys: [1, 3] });
    expect(of('power')).toMatchObject({ ys: [100, 300] });
  });

  it('go on with what is heard, also where the past was not written down to its end', () => {
    const lines = [makeLine({ engine: [0.5, null] })];
    const trailOf = () =>
      [985, 995, 1001].map(at => ({ at, engine: 0.1, memoryBytes: null, powerWatts: null }));
    const [line] = deviceLines(makePast({ history: makeHistory({ lines }), trailOf }), 'engine', trans);
    expect(line).toMatchObject({ xs: [990, 995, 1001], ys: [50, 10, 10] });
  });

  it('keep gaps as gaps, and what is not known is no number', () => {
    const history = makeHistory({ times: [1, 2, 3], lines: [makeLine({ engine: [0.5, null, 0.5] })] });
    const [line] = deviceLines(makePast({ history }), 'engine', trans);
    expect(line?.ys).toEqual([50, null, 50]);
    expect(figuresOf({ xs: [1, 2], ys: [null, null] }, [0, 9])).toBeNull();
    expect(figuresOf({ xs: [1, 2, 3], ys: [4, null, 8] }, [2, 3])).toEqual({ mean: 8, most: 8 });
  });

  it('are called after their rank, and after their device where a rank has several', () => {
    const line = (rank: number | null, label: string) => makeLine({ rank, label });
    expect(namesOf([line(0, 'GPU 0'), line(0, 'GPU 1'), line(1, 'GPU 0')], trans)).toEqual([
      'Rank 0 · GPU 0',
      'Rank 0 · GPU 1',
      'Rank 1'
    ]);
    expect(namesOf([line(null, 'NVIDIA T4')], trans)).toEqual(['T4']);
  });
});

describe('the line of costs', () => {
  it('goes on with what is heard', () => {
    const past = makePast({ history: makeHistory({ usd: [0, 4] }), usdSince: [[1001, 5]], origin: 990 });
    expect(costLine(past, 'Cost')).toMatchObject({ xs: [0, 10, 11], ys: [0, 4, 5] });
  });

  it('is none where no cost is known', () => {
    expect(costLine(makePast({ history: makeHistory({ usd: [null, null] }) }), 'Cost')).toBeNull();
  });
});

describe('the charts of a page', () => {
  it('show what was logged, the cost and the devices over one axis', () => {
    const logged = deviceLines(makePast(), 'engine', trans).map(line => ({ ...line, xs: [980, 1010] }));
    const past = makePast({ history: makeHistory({ usd: [0, 4] }) });
    const { charts, extent } = draw({ past, metrics: [{ metric: 'loss', lines: logged }] });
    expect(charts.map(({ title }) => title)).toEqual(['loss', 'Cost by then', 'Use', 'Memory', 'Power']);
    expect(extent).toEqual([980, 1010]);
    expect(charts.every(({ drawing }) => drawing?.xRange === extent)).toBe(true);
    expect(new Set(charts.map(({ drawing }) => drawing?.together))).toEqual(new Set(['page']));
  });

  it('show the part that was chosen', () => {
    expect(draw({ range: [992, 994] }).charts[1]?.drawing?.xRange).toEqual([992, 994]);
  });

  it('draw nothing where nothing is known, and no costs of a machine', () => {
    const lines = [makeLine({ power_watts: [null, null] })];
    const { charts } = draw({ past: makePast({ history: makeHistory({ lines }) }), isJob: false });
    expect(charts.map(({ title, drawing }) => [title, drawing !== null])).toEqual([
      ['Use', true],
      ['Memory', true],
      ['Power', false]
    ]);
  });

  it('reach up to all the memory there is', () => {
    const memory = draw().charts.find(({ key }) => key === 'memory');
    expect(memory?.drawing?.yRange).toEqual([0, 42]);
  });

  it('are told in words, the first lines one by one', () => {
    const lines = [0, 1, 2, 3, 4, 5, 6].map(rank => makeLine({ rank, device_id: `GPU-${rank}` }));
    const { charts, extent } = draw({ past: makePast({ history: makeHistory({ lines }) }) });
    const text = charts
      .filter(({ key }) => key === 'engine')
      .map(chart => describeChart(chart, extent, trans));
    expect(text[0]).toMatch(/^Use in % over time. Rank 0: mean 75, most 100. .*Rank 4.* 2 more lines.$/);
  });
});

describe('what a job took and gave', () => {
  const USAGE: UsageSummary = {
    seconds: 3600,
    covered: 0.9,
    engine_mean: 0.31,
    engine_peak: 0.98,
    idle_fraction: 0.4,
    memory_peak_bytes: 8 * GIB,
    memory_total_bytes: 40 * GIB,
    cpu_cores_mean: 3.2,
    cpu_cores_peak: 8,
    host_memory_peak_bytes: null,
    devices: 1
  };

  it('stands in figures, with what is not known as a word', () => {
    const figures = Object.fromEntries(tookFigures(makeJob({ gpu_hours: 12.34 }), null, USAGE, trans));
    expect(figures).toEqual({
      Cost: 'unknown',
      'GPU hours': '12.3',
      'Mean use': '31 %',
      'Not used': '40 %',
      'Memory peak': '8 of 40 GiB',
      CPU: '3.2 cores',
      'Host memory peak': 'unknown',
      Covered: '90 % (1:00:00)'
    });
    expect(tookFigures(null, 1, null, trans)).toEqual([
      ['Cost', '$1.00'],
      ['GPU hours', 'unknown']
    ]);
  });

  it('is told by the line that goes on longest, from its first number to its last', () => {
    const [line] = deviceLines(makePast(), 'engine', trans);
    const lines = line
      ? [
          { ...line, xs: [1] },
          { ...line, xs: [1, 2, 3, 4], ys: [null, 0.5, 0.93, null] }
        ]
      : [];
    const gains = gainsOf([
      { metric: 'accuracy', lines },
      { metric: 'never logged', lines: [] }
    ]);
    expect(gains).toEqual([{ metric: 'accuracy', first: 0.5, last: 0.93 }]);
    expect(achievedText(gains, 500, false, trans)).toBe('Achieved for $500.00: accuracy from 0.5 to 0.93.');
    expect(achievedText(gains, 500, true, trans)).toContain('Achieved so far for $500.00');
    expect(achievedText(gains, null, false, trans)).toContain('at a cost that is not known');
    expect(achievedText([], 500, false, trans)).toBeNull();
  });
});
