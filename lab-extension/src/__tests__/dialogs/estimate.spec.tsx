import { act, configure, screen, waitFor, within } from '@testing-library/react';
import type { CostEstimate } from '../../api/types';
import { setNextTime } from '../../dialogs/nextTime';
import type { IFakeCosts } from '../costs';
import { fakeCosts, makeBudget, makeEstimate } from '../costs';
import { failure, fakeWindlass, makeJob } from '../fakes';
import { closeDialog, openDialog, ready, submitButton, type } from './opening';

// jsdom takes a <dialog> without `open` for hidden; JupyterLab shows its own by style.
configure({ defaultHidden: true });

let costs: IFakeCosts;

beforeEach(() => {
  costs = fakeCosts();
});

afterEach(closeDialog);

const line = () => screen.getByRole('region', { name: 'Cost' });
const said = async (text: string) => waitFor(() => expect(line().textContent).toContain(text));

describe('the estimate of the submit dialog', () => {
  it('says the price, the most it can be, what earlier runs took, and what spot saves', async () => {
    costs.estimate.mockResolvedValue(
      makeEstimate({
        spot_usd_per_hour: 0.4,
        most_usd: 2.54,
        limit_seconds: 7200,
        earlier: { jobs: 3, median_seconds: 725, longest_seconds: 1201, usd: 0.2558 }
      })
    );
    await openDialog();
    await said('$1.27/h');
    await said('at most $2.54 in its time limit of 2:00:00');
    await said('about $0.26: 3 earlier runs took 12:05 in the median, 20:01 at most');
    await said('$0.40/h on spot capacity (69 % less)');
  });

  it('says why a price is not known, and no amount', async () => {
    costs.estimate.mockResolvedValue(
      makeEstimate({ usd_per_hour: null, notes: ['The prices have none for NVIDIA L4.'] })
    );
    await openDialog();
    await said('Cost unknownThe prices have none for NVIDIA L4.');
    expect(line().textContent).not.toContain('$');
  });

  it('is asked for again when what counts changes, and not for a name', async () => {
    const opened = await openDialog();
    await ready(opened);
    await said('$1.27/h');
    const asked = costs.estimate.mock.calls.length;
    type(opened, 'Name', 'another');
    type(opened, 'Workers', '2');
    await waitFor(() => expect(costs.estimate.mock.calls.length).toBe(asked + 1));
    expect(costs.estimate.mock.lastCall?.[0]).toMatchObject({ workers: 2, name: null });
  });

  it('takes the answer to the newest question, however late others come', async () => {
    const opened = await openDialog();
    await ready(opened);
    const settle: ((estimate: CostEstimate) => void)[] = [];
    costs.estimate.mockImplementation(async () => new Promise(resolve => settle.push(resolve)));
    type(opened, 'Workers', '2');
    await waitFor(() => expect(settle).toHaveLength(1));
    type(opened, 'Workers', '3');
    await waitFor(() => expect(settle).toHaveLength(2));
    await act(async () => {
      settle[1]?.(makeEstimate({ usd_per_hour: 3 }));
      settle[0]?.(makeEstimate({ usd_per_hour: 2 }));
    });
    await said('$3.00/h');
  });

  it('can be asked for again when it could not be had, and keeps nobody from sending', async () => {
    costs.estimate.mockRejectedValueOnce(failure('offline'));
    const opened = await openDialog();
    await said('Cost unknown');
    await ready(opened);
    await act(async () => within(line()).getByText('Try again').click());
    await said('$1.27/h');
  });

  it('says which budget forbids it, and nothing is sent', async () => {
    const refused = 'Your budget of $100.00 a month is spent ($104.20).';
    const budget = makeBudget({ spent_usd: 104.2, state: 'over', blocks: true, unknown_jobs: 1 });
    costs.estimate.mockResolvedValue(makeEstimate({ refused, budgets: [budget] }));
    const opened = await openDialog();
    await said(refused);
    await said(
      '$104.20 of $100.00 (104 %) spent, without 1 job, whose cost is not known, nothing new may be'
    );
    await waitFor(() => opened.dialog.getByText('A budget that is spent forbids this: see under Cost.'));
    await act(async () => submitButton(opened).click());
    expect(opened.windlass.client.submit).not.toHaveBeenCalled();

    costs.estimate.mockResolvedValue(makeEstimate());
    await act(async () => within(line()).getByText('Check again').click());
    await ready(opened);
  });

  it('has its parts and calm budgets on demand, as text', async () => {
    const part = { what: '<b>core</b>', amount: 4, unit: 'cores', usd_per_hour: 0.03, source: 'list price' };
    costs.estimate.mockResolvedValue(makeEstimate({ parts: [part], budgets: [makeBudget()] }));
    await openDialog();
    await said('Your budget of this month: $12.50 of $100.00 (13 %) spent');
    const row = within(line()).getByRole('row', { name: /core/ });
    expect(row.textContent).toBe('<b>core</b>4 cores$0.03$0.12list price');
  });
});

describe('advice for the next run', () => {
  it('is what the dialog begins with, at the size of the job it is about', async () => {
    const path = 'work/advised.ipynb';
    const job = makeJob({ notebook: path, workers: 2, gpus_per_worker: 4, processes_per_worker: 4 });
    const windlass = fakeWindlass([job]);
    await setNextTime({ windlass, job, options: { gpus_per_worker: 1, processes_per_worker: 1 } });
    const { dialog } = await openDialog({ path });
    const values = ['Workers', 'Processes per worker', 'GPUs per worker'].map(
      label => dialog.getByLabelText<HTMLInputElement>(label).value
    );
    expect(values).toEqual(['2', '1', '1']);
  });

  it('reaches the fields about a cluster, also after a reload', async () => {
    const path = 'work/sliced.ipynb';
    const saved: Record<string, unknown> = {};
    const store = {
      fetch: async () => undefined,
      save: async (id: string, value: unknown) => (saved[id] = value)
    };
    const windlass = { ...fakeWindlass(), store: store as never };
    const job = makeJob({ notebook: path, engine: 'kubernetes', gpus_per_worker: 1 });
    const gpu = { product: null, share: 'mig', mig_profile: '2g.10gb', resource: null };
    await setNextTime({ windlass, job, options: { cluster: { gpu, memory_bytes: 2 ** 33 } } });
    expect(saved[`windlass-submit:${path}`]).toMatchObject({
      engine: 'kubernetes',
      cluster: { gpu: '[null,"mig","2g.10gb",null]', memory: '8Gi' }
    });
  });
});
