import { CommandRegistry } from '@lumino/commands';
import { act, render, screen, waitFor, within } from '@testing-library/react';
import * as React from 'react';
import type { JobAdvice, JobCost } from '../../../api/types';
import { CostCommandIDs } from '../../../model/costCommands';
import { CostFigure } from '../../../pages/job/cost/figure';
import { JobCostModel } from '../../../pages/job/cost/model';
import { CostTab } from '../../../pages/job/cost/tab';
import { AdviceBanner } from '../../../pages/job/cost/advice';
import { JobPageModel } from '../../../pages/job/model';
import type { IFakeCosts } from '../../costs';
import { fakeCosts, makeAdvice, makeCost } from '../../costs';
import { FakeWebSocket, failure, fakeWindlass, makeJob } from '../../fakes';

const BAIT = '<img src=x onerror=alert(1)>';

let costs: IFakeCosts;
let model: JobCostModel;
let page: JobPageModel;
let now = 0;
let commands: CommandRegistry;
const used = jest.fn();

beforeEach(() => {
  costs = fakeCosts();
  now = 0;
  commands = new CommandRegistry();
  commands.addCommand(CostCommandIDs.useAdvice, {
    label: 'Use This Next Time',
    describedBy: { args: null },
    execute: args => {
      used(args.id);
      return true;
    }
  });
});

afterEach(() => {
  model.dispose();
  page.dispose();
  used.mockReset();
});

async function open(
  given: { cost?: Partial<JobCost>; advice?: Partial<JobAdvice> } = {}
): Promise<HTMLElement> {
  costs.job.mockResolvedValue(makeCost(given.cost));
  costs.advice.mockResolvedValue(makeAdvice(given.advice));
  const windlass = fakeWindlass();
  windlass.socket.subscribeJobs();
  FakeWebSocket.last.greet();
  page = new JobPageModel({ windlass, jobId: 'job-1' });
  model = new JobCostModel({ page, isSeen: () => true, againMilliseconds: 1e6, now: () => now });
  await act(async () => FakeWebSocket.last.tell([makeJob()], { reset: true }));
  await waitFor(() => expect(model.cost.value ?? model.cost.problem).not.toBeNull());
  return render(<CostTab model={model} commands={commands} />).container;
}

describe('the cost of a job', () => {
  it('grows by its price from what the server said', async () => {
    jest.useFakeTimers({ doNotFake: ['performance'], advanceTimers: true });
    const shown = await open({ cost: { usd: 1, usd_per_hour: 3600 } });
    expect(shown.textContent).toContain('Cost so far$1.00');
    now = 2500;
    act(() => jest.advanceTimersByTime(1000));
    expect(shown.textContent).toContain('Cost so far$3.50');
    jest.useRealTimers();
  });

  it('of which nothing is known is unknown, with the reason', async () => {
    const cost = { usd: null, usd_per_hour: null, gpu_hours: null, notes: ['The node has no price.'] };
    const shown = await open({ cost });
    expect(shown.textContent).toContain('Cost so farunknown');
    expect(shown.textContent).toContain('The node has no price.');
    expect(shown.textContent).toContain('Held, not usedunknown');
    expect(shown.textContent).not.toContain('$0');
  });

  it('says pod by pod what was held, where and for how long; names stay text', async () => {
    const pod = {
      title: `train-0 ${BAIT}`,
      node: 'ip-10-0-0-1',
      instance_type: 'p4d.24xlarge',
      capacity: 'spot' as const,
      held_from: '2026-11-23T05:00:00Z',
      held_until: '2026-11-23T06:30:00Z',
      gpus: 2 / 7,
      gpu_product: 'NVIDIA A100',
      usd_per_hour: 0.8,
      usd: 1.2,
      note: null
    };
    const shown = await open({ cost: { pods: [pod] } });
    const row = within(shown).getByRole('row', { name: /train-0/ });
    expect([...row.children].map(cell => cell.textContent)).toEqual([
      pod.title,
      'ip-10-0-0-1, p4d.24xlarge',
      'spot',
      '0.286 × NVIDIA A100',
      '1:30:00',
      '$0.80/h',
      '$1.20',
      ''
    ]);
    expect(shown.querySelector('img')).toBeNull();
  });

  it('that cannot be had is an error with a way to try again', async () => {
    costs = fakeCosts();
    const shown = await open();
    costs.job.mockRejectedValue(failure('offline'));
    await act(async () => model.refresh());
    expect(shown.textContent).toContain('$1.00');
    expect(model.cost.problem?.kind).toBe('offline');
  });

  it('is asked for once more when the job has ended, and then no more', async () => {
    await open();
    costs.job.mockClear().mockResolvedValue(makeCost({ live: false, usd_per_hour: 0 }));
    await act(async () => FakeWebSocket.last.tell([makeJob({ state: 'succeeded', version: 2 })]));
    await act(async () => FakeWebSocket.last.tell([makeJob({ state: 'succeeded', version: 3 })]));
    expect(costs.job).toHaveBeenCalledTimes(1);
  });
});

describe('advice on a job', () => {
  const usage = {
    seconds: 3600,
    covered: 0.98,
    engine_mean: 0.31,
    engine_peak: 0.9,
    idle_fraction: 0.1,
    memory_peak_bytes: 8 * 2 ** 30,
    memory_total_bytes: 40 * 2 ** 30,
    cpu_cores_mean: null,
    cpu_cores_peak: null,
    host_memory_peak_bytes: null,
    devices: 1
  };
  const smaller: Partial<JobAdvice> = {
    verdict: 'smaller',
    sentence: 'It used 8 of 40 GB: a 2g.10gb slice would do.',
    evidence: usage,
    has: '1 × NVIDIA A100-SXM4-40GB',
    would_do: 'a 2g.10gb slice',
    saves_usd_per_hour: 22.29,
    options: { cluster: { gpu: { share: 'mig', mig_profile: '2g.10gb' } } },
    why_not: ['a 1g.5gb slice: the job used 8.0 GB, and it has 5.0 GB.']
  };

  it('has its evidence, the saving, and why nothing smaller', async () => {
    const shown = await open({ advice: smaller });
    for (const text of [
      'It used 8 of 40 GB: a 2g.10gb slice would do.',
      'Saves$22.29 an hour',
      'Measured1:00:00, 98 % of its running time',
      'GPU use31 % in the mean, 90 % at most',
      'GPU memory8 GiB of 40 GiB at most',
      'Processorsunknown',
      'a 1g.5gb slice: the job used'
    ]) {
      expect(shown.textContent).toContain(text);
    }
  });

  it('is set for the next run by its button, which then leads to the Train dialog', async () => {
    await open({ advice: smaller });
    await act(async () => screen.getByRole('button', { name: 'Use This Next Time' }).click());
    expect(used).toHaveBeenCalledWith('job-1');
    expect(screen.getByText('Set for the next run.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Train Now…' })).toBeTruthy();
  });

  it('that is none has no button and no banner', async () => {
    await open();
    expect(screen.queryByRole('button', { name: 'Use This Next Time' })).toBeNull();
    const props = { commands, job: makeJob(), onShow: () => undefined, trans: page.windlass.trans };
    expect(render(<AdviceBanner advice={makeAdvice()} {...props} />).container.textContent).toBe('');
    const larger = makeAdvice({ verdict: 'larger', sentence: 'It ran out of memory: ask for 48 GiB.' });
    expect(render(<AdviceBanner advice={larger} {...props} />).container.textContent).toContain('48 GiB');
  });
});

describe('the cost in the head of the page', () => {
  const { trans } = fakeWindlass();

  it.each([
    [{ cost_usd: 0.0123, usd_per_hour: 1.5, duration_seconds: 12 }, '$0.012 so far, $1.50/h'],
    [{ cost_usd: null, usd_per_hour: null }, 'Cost unknown'],
    [{ cost_usd: 1284, usd_per_hour: null, state: 'succeeded' as const }, '$1,284']
  ])('of %j is “%s”', async (given, text) => {
    await open();
    const job = makeJob(given);
    const props = { job, elapsedSeconds: () => job.duration_seconds, onShow: () => undefined, trans };
    expect(render(<CostFigure {...props} />).container.textContent).toBe(text);
  });
});
