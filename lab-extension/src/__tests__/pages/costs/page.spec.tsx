import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, within } from '@testing-library/react';
import { CommandIDs } from '../../../commands';
import { CostsPage } from '../../../pages/costs';
import type { IFakeCosts } from '../../costs';
import { fakeCosts, makeBudget, makeReport, makeRow } from '../../costs';
import type { IFakeWindlass } from '../../fakes';
import { failure, fakeWindlass, makeHubInfo, makeInfo } from '../../fakes';

const BAIT = '<img src=x onerror=alert(1)>';
const TODAY = new Date().toISOString().slice(0, 10);

describe('the page of costs', () => {
  let costs: IFakeCosts;
  let page: CostsPage;
  let windlass: IFakeWindlass;
  const executed = jest.fn();

  beforeEach(() => {
    costs = fakeCosts();
    windlass = fakeWindlass();
  });

  async function open(): Promise<void> {
    const commands = new CommandRegistry();
    commands.addCommand(CommandIDs.openJob, {
      describedBy: { args: null },
      execute: args => executed(args.id) as unknown
    });
    page = new CostsPage({ windlass, commands });
    await act(async () => Widget.attach(page, document.body));
  }

  const see = () => within(page.node);
  const text = () => page.node.textContent;
  const choose = async (label: string, value: string): Promise<void> => {
    await act(async () => {
      fireEvent.change(within(page.node).getByLabelText(label), { target: { value } });
    });
  };

  afterEach(async () => {
    await act(async () => page.dispose());
    executed.mockReset();
    jest.restoreAllMocks();
  });

  it('sums up what is known, and says what it lacks', async () => {
    const items = [
      makeRow({
        key: 'a',
        label: `train ${BAIT}`,
        job_id: 'a',
        usd: 1284,
        idle_usd: 0.0042,
        gpu_hours: 12.34
      }),
      makeRow({
        key: 'b',
        label: 'other',
        job_id: 'b',
        usd: null,
        idle_usd: null,
        gpu_hours: null,
        unknown_jobs: 1
      })
    ];
    const total = makeRow({ label: 'Total', usd: 1284, jobs: 2, unknown_jobs: 1, unknown_idle_jobs: 1 });
    costs.report.mockImplementation(async ({ by }) => makeReport({ by, items, total }));
    await open();
    const cells = (name: RegExp) =>
      [...see().getByRole('row', { name }).children].map(cell => cell.textContent);
    expect(cells(/^train/)).toEqual([`train ${BAIT} `, '$1,284', '$0.0042', '12.3', '0', '1']);
    expect(cells(/^other/)).toEqual(['other ', 'unknown', 'unknown', 'unknown', '0', '1']);
    expect(cells(/^Total/)).toEqual(['Total', '$1,284', '$0.00', '0', '0', '2 (1 not known)']);
    expect(text()).toContain('These sums are of what is known: without 1 job, whose cost is not known');
    expect(page.node.querySelector('img')).toBeNull();
    await act(async () =>
      see()
        .getByRole('button', { name: /^train/ })
        .click()
    );
    expect(executed).toHaveBeenCalledWith('a');
  });

  it('draws the days, with all that the bars show in words', async () => {
    const items = [makeRow({ key: TODAY, day: TODAY, usd: 2, idle_usd: 1 })];
    costs.report.mockImplementation(async ({ by }) => makeReport({ by, items, total: makeRow({ usd: 2 }) }));
    await open();
    expect(text()).toContain(`Cost by day $2.00 in all, most on ${TODAY}: $2.00`);
    const bars = [...page.node.querySelectorAll<HTMLElement>('.jp-WindlassCostChart-bar')];
    expect(bars.map(bar => bar.style.height)).toEqual(['50%', '50%']);
    expect(bars[0]?.parentElement?.title).toBe(`${TODAY}: $2.00, $1.00 of it for GPUs that were not used`);
  });

  it('groups by what is chosen; what only a hub knows is offered on a hub alone', async () => {
    await open();
    const offered = () =>
      [...see().getByLabelText<HTMLSelectElement>('By').options].map(({ value }) => value);
    expect(offered()).toEqual(['job', 'experiment', 'day']);
    // A hub without Windlass keeps no costs.
    windlass.client.info.mockResolvedValue(makeInfo({ on_hub: true }));
    await act(async () => windlass.info.refresh());
    expect(offered()).toEqual(['job', 'experiment', 'day']);
    windlass.client.info.mockResolvedValue(makeInfo({ on_hub: true, hub: makeHubInfo() }));
    await act(async () => windlass.info.refresh());
    expect(offered()).toEqual(['job', 'experiment', 'model', 'day', 'user', 'group']);
    costs.report.mockImplementation(async ({ by }) => makeReport({ by, source: 'hub' }));
    await choose('By', 'group');
    expect(costs.report.mock.calls.map(([query]) => query.by)).toContain('group');
    expect(text()).toContain('From the hub’s own records');
  });

  it('asks for the days that are chosen, and not for days in the wrong order', async () => {
    await open();
    await choose('Days', 'chosen');
    await choose('From', '2026-01-31');
    await choose('To', '2026-01-02');
    expect(text()).toContain('The first day lies after the last: exchange them.');
    expect(see().getByRole('button', { name: 'Download CSV' })).toHaveProperty('disabled', true);
    await choose('From', '2026-01-01');
    expect(costs.report.mock.lastCall?.[0]).toMatchObject({ start: '2026-01-01', end: '2026-01-02' });
  });

  it('gives all rows as CSV', async () => {
    await open();
    URL.createObjectURL = jest.fn(() => 'blob:1');
    URL.revokeObjectURL = jest.fn();
    const click = jest.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
    await act(async () => see().getByRole('button', { name: 'Download CSV' }).click());
    expect(costs.table).toHaveBeenCalledWith(expect.objectContaining({ by: 'job', limit: 10_000 }));
    expect((click.mock.contexts[0] as HTMLAnchorElement).download).toMatch(/^costs-by-job-.*\.csv$/);
  });

  it('says what is wrong with the price book, and shows the prices that hold', async () => {
    const price = {
      what: 'core',
      kind: 'cpu' as const,
      usd_per_hour: 0.031,
      capacity: 'on-demand' as const,
      region: null,
      valid_from: null,
      valid_until: '2026-12-31',
      source: 'list price'
    };
    const problem = 'prices.yaml:6: cheap is no number.';
    costs.prices.mockResolvedValue({ items: [price], currency: 'USD', problem });
    costs.budgets.mockResolvedValue({
      items: [makeBudget({ scope: 'group', name: 'vision', state: 'warning' })]
    });
    await open();
    expect(see().getByRole('alert').textContent).toBe(problem);
    const row = see().getByRole('row', { name: /core/, hidden: true });
    expect(row.textContent).toBe('core$0.031on demandanyuntil 2026-12-31list price');
    expect(text()).toContain('Budget of vision of this month: $12.50 of $100.00 (13 %) spent');
  });

  it('says that there is nothing, that it may not be seen, or that it could not be had', async () => {
    costs.report.mockResolvedValue(makeReport({ items: [] }));
    await open();
    expect(text()).toContain('Nothing was spent in these days');
    costs.report.mockRejectedValue(failure('forbidden', 403));
    await choose('By', 'experiment');
    expect(page.node.querySelector('.jp-WindlassState.jp-mod-forbidden')).not.toBeNull();
    costs.report.mockResolvedValue(makeReport());
    await act(async () => see().getByRole('button', { name: 'Try again' }).click());
    expect(text()).toContain('$1.27');
  });
});
