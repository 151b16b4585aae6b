/** Money as it is seen: what a job would cost, what it costs as it runs, what would have done, and all of it by day. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { BOOK, test } from './costs';
import { expect, type Lab } from './lab';
import { execute, jobPage, jobRow, openPanel, openSubmitDialog, showTab } from './pages';
import { setTheme, violations } from './wcag';

const BAIT = '<img src=x onerror="document.body.dataset.bitten=1">';
/** Runs until its file is there. */
const WAIT = (file: string): string =>
  `import pathlib, time\nwhile not pathlib.Path(${JSON.stringify(file)}).exists():\n    time.sleep(0.1)`;

const costs = (page: Page) => page.locator('.jp-WindlassCostsPage:visible');

/** What is advised of the job of which this is part of the name, as far as it is known. */
async function verdict(lab: Lab, name: string): Promise<string | undefined> {
  const { items } = (await (await lab.api('/windlass/v1/jobs')).json()) as { items: { id: string; name: string }[] };
  const id = items.find(job => job.name.includes(name))?.id ?? '';
  return ((await (await lab.api(`/windlass/v1/jobs/${id}/advice`)).json()) as { verdict?: string }).verdict;
}

/** Dollars in a text. */
const dollars = (text: string | null): number => Number(/\$([\d,.]+)/.exec(text ?? '')?.[1]?.replaceAll(',', ''));

test('the Train dialog says what an hour costs, and what the time limit can come to', async ({ lab, page }) => {
  await lab.open(page, lab.write('estimate.ipynb', [{ source: 'print(1)' }]));
  const dialog = await openSubmitDialog(page);
  const cost = dialog.getByRole('region', { name: 'Cost' });
  await expect(cost).toContainText('$36.00/h');
  await expect(cost).toContainText('no time limit, so no upper bound');
  await dialog.getByLabel('GPUs per worker').fill('2');
  await expect(cost).toContainText('$7,236/h');
  await dialog.getByLabel('Time limit').fill('30m');
  await expect(cost).toContainText('at most $3,618 in its time limit of 30:00');
  await cost.getByText('How this is counted').click();
  const part = cost.getByRole('row', { name: /A100-SXM4-40GB/ });
  await expect(part).toContainText('$3,600');
  await expect(part).toContainText('our contract <img');
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});

test('a cost grows as the job runs; what would have done is set for the next run', async ({ lab, page }) => {
  const done = `${lab.root}/cost.done`;
  const path = lab.write('costly.ipynb', [{ source: WAIT(done) }]);
  await lab.open(page, path, 'costs-next');
  const dialog = await openSubmitDialog(page);
  await dialog.getByLabel('Name', { exact: true }).fill(`costly ${BAIT}`);
  await dialog.getByLabel('GPUs per worker').fill('2');
  await dialog.getByRole('button', { name: 'Submit' }).click();
  const figure = jobPage(page).locator('.jp-WindlassJobHeader-cost');
  await expect(figure).toContainText('$7,236/h');
  const first = dollars(await figure.textContent());
  await expect.poll(async () => dollars(await figure.textContent())).toBeGreaterThan(first + 2);
  await openPanel(page);
  await expect(jobRow(page, 'costly').locator('.jp-WindlassJobs-cost')).toContainText('$');

  await showTab(page, 'Cost');
  const held = jobPage(page).getByRole('table', { name: 'Cost by pod' });
  await expect(held.getByRole('row', { name: /A100/ })).toContainText('2 × NVIDIA A100-SXM4-40GB');
  await expect(jobPage(page).getByRole('table', { name: 'Parts of the price' })).toContainText('$3,600');
  await showTab(page, 'Log');
  // Its interpreter starts before it is measured: on a slow machine that is most of a short job.
  await expect.poll(() => verdict(lab, 'costly'), { timeout: 90_000 }).toBe('smaller');
  lab.writeText('cost.done', '');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');

  const advice = jobPage(page).getByRole('region', { name: 'Advice' });
  await expect(advice).toContainText(/saves \$3,?600(\.00)? an hour/);
  await advice.getByRole('button', { name: 'Evidence' }).click();
  await expect(jobPage(page)).toContainText('20 % in the mean, 20 % at most');
  await expect(jobPage(page)).toContainText('4 GiB of 40 GiB at most');
  await jobPage(page).getByRole('button', { name: 'Use This Next Time' }).click();
  await jobPage(page).getByRole('button', { name: 'Train Now…' }).click();
  await expect(dialog.getByLabel('GPUs per worker')).toHaveValue('1');
  await expect(dialog.getByRole('region', { name: 'Cost' })).toContainText('the earlier run took');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await lab.open(page, path, 'costs-next');
  await openSubmitDialog(page);
  await expect(dialog.getByLabel('GPUs per worker')).toHaveValue('1');
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});

test('the page of costs: by job, by day, as CSV; nothing in names runs', async ({ lab, page }) => {
  await lab.submit({ notebook: lab.write('paid.ipynb', [{ source: 'print(1)' }]), name: `=paid ${BAIT}` });
  await lab.open(page);
  await execute(page, 'windlass:open-costs', {});
  const row = costs(page).getByRole('row', { name: /=paid/ });
  await expect(async () => {
    await costs(page).getByRole('button', { name: 'Refresh' }).click();
    await expect(row).toContainText('$', { timeout: 1000 });
  }).toPass();
  await expect(row).toContainText(BAIT);
  const today = new Date().toISOString().slice(0, 10);
  await expect(costs(page).locator('figcaption')).toContainText(`most on ${today}`);
  const coming = page.waitForEvent('download');
  await costs(page).getByRole('button', { name: 'Download CSV' }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toMatch(/^costs-by-job-.*\.csv$/);
  const text = readFileSync(await download.path(), 'utf8');
  expect(text).toMatch(/^key,label,usd,/);
  expect(text).toContain("'=paid");

  await costs(page).getByLabel('By', { exact: true }).selectOption('day');
  await expect(costs(page).getByRole('row', { name: today })).toContainText('$');
  await costs(page).getByLabel('Days').selectOption('last-month');
  await expect(costs(page)).toContainText('Nothing was spent in these days');
  await costs(page).getByLabel('Days').selectOption('7');
  await costs(page).getByLabel('By', { exact: true }).selectOption('job');
  await row.getByRole('button', { name: /=paid/ }).click();
  await expect(jobPage(page).getByRole('heading', { name: /=paid/ })).toBeVisible();
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});

test('a price book that is wrong is named with its line, and the prices before hold', async ({ lab, machine, page }) => {
  await lab.open(page);
  await execute(page, 'windlass:open-costs', {});
  await costs(page).getByText('2 prices').click();
  await expect(costs(page).getByRole('table', { name: 'Prices in force' })).toContainText('our contract <img');
  machine.price(`${BOOK}- {gpu: Tesla-T4, usd_per_hour: cheap}\n`);
  await expect(async () => {
    await costs(page).getByRole('button', { name: 'Refresh' }).click();
    await expect(costs(page).getByRole('alert')).toContainText('prices.yaml:6:', { timeout: 1000 });
  }).toPass();
  await expect(costs(page).getByRole('table', { name: 'Prices in force' })).toContainText('$3,600');
  machine.price(BOOK);
  await expect(async () => {
    await costs(page).getByRole('button', { name: 'Refresh' }).click();
    await expect(costs(page).getByRole('alert')).toHaveCount(0, { timeout: 1000 });
  }).toPass();
});

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`money can be read by all: ${theme}`, async ({ lab, page }) => {
    setTheme(lab, theme);
    await lab.open(page, lab.write('read.ipynb', [{ source: 'print(1)' }]));
    const dialog = await openSubmitDialog(page);
    await dialog.getByText('How this is counted').click();
    expect(await violations(page, '.jp-WindlassEstimate')).toEqual([]);
    await dialog.getByRole('button', { name: 'Submit' }).click();
    await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');
    await showTab(page, 'Cost');
    await expect(jobPage(page).getByRole('table', { name: 'Cost by pod' })).toBeVisible();
    expect(await violations(page, '.jp-WindlassJobPage')).toEqual([]);
    await execute(page, 'windlass:open-costs', {});
    await expect(costs(page).getByRole('table', { name: 'Costs' })).toBeVisible();
    await costs(page).getByText('2 prices').click();
    expect(await violations(page, '.jp-WindlassCostsPage')).toEqual([]);
  });
}
