/** Runs side by side, over a real MLflow: curves, values, scatter, what runs on, and what was remembered. */
import type { Locator, Page, Request } from '@playwright/test';
import { expect, test } from './lab';
import { Mlflow } from './mlflow';
import { execute } from './pages';
import { setTheme, violations } from './wcag';

const BAIT = '🚀 <img src=x onerror="document.body.dataset.bitten=1">';

/** Falls like a loss. */
function falling(count: number, rate: number): number[] {
  return Array.from({ length: count }, (_, at) => 2 / (1 + at * rate));
}

/** The comparison in front. */
function comparison(page: Page): Locator {
  return page.locator('.jp-WindlassCompare:visible');
}

async function compare(page: Page, ids: readonly string[]): Promise<Locator> {
  await execute(page, 'windlass:compare-runs', { ids });
  return comparison(page);
}

/** How many pixels of a chart's plot carry a line's colour: neither its ground nor grey. */
async function coloured(chart: Locator): Promise<number> {
  return chart.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [red = 0, green = 0, blue = 0, alpha = 0] = data.slice(at, at + 4);
      count += alpha > 128 && Math.max(red, green, blue) - Math.min(red, green, blue) > 40 ? 1 : 0;
    }
    return count;
  });
}

/** Drag over a part of a chart, in shares of its width. */
async function drag(page: Page, chart: Locator, from: number, to: number): Promise<void> {
  const box = await chart.locator('.u-over').boundingBox();
  if (box === null) {
    throw new Error('There is no chart.');
  }
  await page.mouse.move(box.x + from * box.width, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + to * box.width, box.y + 110, { steps: 5 });
  await page.mouse.up();
}

function curvesRequest(request: Request): { from_step: number | null; to_step: number | null; quick: boolean } | null {
  return request.url().includes('/windlass/v1/runs/curves')
    ? (request.postDataJSON() as ReturnType<typeof curvesRequest>)
    : null;
}

test('curves are drawn, a part of them in full, and found again after a reload', async ({ lab, page }) => {
  const mlflow = await Mlflow.of(lab);
  const experiment = await mlflow.experiment('curves');
  const loss = falling(3000, 0.01);
  loss[1500] = NaN;
  const ids = [
    await mlflow.run(experiment, { name: 'long', metrics: { loss }, apart: 10 }),
    await mlflow.run(experiment, { name: BAIT, metrics: { loss: falling(200, 0.05) }, apart: 150 })
  ];
  const workspace = 'compare-curves';
  await lab.open(page, undefined, workspace);
  const asked: ReturnType<typeof curvesRequest>[] = [];
  page.on('request', request => asked.push(curvesRequest(request)));
  const compared = await compare(page, ids);
  const chart = compared.getByRole('img', { name: /^Line chart of loss over step/ });
  await expect.poll(async () => coloured(chart)).toBeGreaterThan(300);
  // A first look at the long history, and the even sample behind it.
  await expect(compared.getByText(/as 1000 of .* points|as a sample/)).toBeVisible();
  const requests = asked.flatMap(request => request ?? []);
  expect(requests.map(({ quick }) => quick)).toEqual([true, false]);

  const closer = page.waitForRequest(request => curvesRequest(request)?.from_step !== null && curvesRequest(request) !== null);
  await drag(page, chart, 0.4, 0.5);
  const { from_step: from, to_step: to } = curvesRequest(await closer) ?? {};
  expect(from).toBeGreaterThan(11_000);
  expect(to).toBeLessThan(16_000);
  await expect(compared.getByText(/as a sample|as 1000 of/)).toBeHidden();
  await compared.getByRole('button', { name: 'Table' }).click();
  await expect(compared.getByRole('table', { name: 'What each curve does' }).getByRole('row', { name: /long/ })).toBeVisible();
  await compared.getByRole('button', { name: 'Show all', exact: true }).first().click();

  await compared.getByRole('slider', { name: 'Smoothing' }).fill('0.9');
  await compared.getByRole('combobox', { name: 'Over' }).selectOption({ label: 'Time since the first point' });
  await compared.getByRole('button', { name: 'Log scale' }).click();
  // JupyterLab writes down what is open, and we how it is looked at, some time after it has changed.
  const kept = async (): Promise<string> => (await lab.api(`/lab/api/workspaces/${workspace}`)).text();
  await expect.poll(kept).toMatch(/"isLog": ?true/);
  await expect.poll(kept).toContain('windlass-compare:');
  await page.reload();
  await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
  const again = comparison(page);
  const chartAgain = again.getByRole('img', { name: /^Line chart of loss over time since the first point/ });
  await expect.poll(async () => coloured(chartAgain)).toBeGreaterThan(300);
  await expect(again.getByRole('slider', { name: 'Smoothing' })).toHaveValue('0.9');
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});

test('what differs is marked, or shown alone; a metric stands against the cost', async ({ lab, page }) => {
  const mlflow = await Mlflow.of(lab);
  const experiment = await mlflow.experiment('differences');
  const given = { optimizer: 'adam', note: 'n'.repeat(5000) };
  const ids = [
    await mlflow.run(experiment, {
      name: 'cheap',
      params: { ...given, lr: '0.1' },
      metrics: { accuracy: [0.8], 'windlass.cost_usd': [1.5] },
      tags: { 'mlflow.source.git.commit': 'abc', 'windlass.dvc_rev': 'v1' }
    }),
    await mlflow.run(experiment, {
      name: BAIT,
      params: { ...given, lr: '0.2' },
      metrics: { accuracy: [0.9], 'windlass.cost_usd': [3] },
      tags: { 'mlflow.source.git.commit': 'def', 'windlass.dvc_rev': 'v2' }
    })
  ];
  await lab.open(page);
  const compared = await compare(page, [...ids, 'f'.repeat(32)]);
  await expect(compared.getByText('1 run cannot be shown.')).toBeVisible();
  await compared.getByRole('tab', { name: 'Values' }).click();
  const table = compared.getByRole('table', { name: 'Values side by side' });
  await expect(table.getByRole('row', { name: /lr/ })).toContainText('≠');
  await expect(table.getByRole('row', { name: /optimizer/ })).not.toContainText('≠');
  for (const [name, first, second] of [
    ['Git commit', 'abc', 'def'],
    ['DVC revision', 'v1', 'v2']
  ]) {
    await expect(table.getByRole('row', { name: new RegExp(name ?? '') })).toContainText(first ?? '');
    await expect(table.getByRole('row', { name: new RegExp(name ?? '') })).toContainText(second ?? '');
  }
  await compared.getByRole('button', { name: 'Only differences' }).click();
  await expect(table.getByRole('row', { name: /optimizer/ })).toBeHidden();
  await expect(table.getByRole('row', { name: /lr/ })).toBeVisible();

  // Closed, it is opened anew, as it was looked at last.
  await page.locator('#jp-main-dock-panel .lm-TabBar-tab', { hasText: 'Compare' }).locator('.lm-TabBar-tabCloseIcon').click();
  await expect(compared).toBeHidden();
  await compare(page, [...ids, 'f'.repeat(32)]);
  await compared.getByRole('tab', { name: 'Scatter' }).click();
  await expect(compared.getByRole('group', { name: /^accuracy against Cost/ })).toBeVisible();
  await compared.getByRole('button', { name: 'cheap: Cost (USD) 1.5, accuracy 0.8' }).press('Enter');
  await expect(page.locator('#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current, #jp-main-dock-panel .lm-TabBar-tab.lm-mod-current').filter({ hasText: 'cheap' })).toBeVisible();
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});

test('a run that goes on is followed to its end', async ({ lab, page }) => {
  const mlflow = await Mlflow.of(lab);
  const experiment = await mlflow.experiment('live');
  const run = await mlflow.run(experiment, { name: 'live', metrics: { loss: [3, 2] }, isRunning: true });
  await lab.open(page);
  const compared = await compare(page, [run]);
  await compared.getByRole('tab', { name: 'Curves' }).click();
  await compared.getByRole('combobox', { name: 'Over' }).selectOption('step');
  const chart = compared.getByRole('img', { name: /^Line chart of loss/ });
  await expect(chart).toHaveAttribute('aria-label', /live: at last 2\./);
  await mlflow.log(run, 'loss', [1], { first: 2 });
  await expect(chart).toHaveAttribute('aria-label', /live: at last 1\./);
  await mlflow.finish(run);
  await expect(compared.getByText('Finished')).toBeVisible();
  await expect(compared.getByText('followed while you look')).toBeHidden();
});

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`a comparison keeps to WCAG A and AA in ${theme}`, async ({ lab, page }) => {
    const mlflow = await Mlflow.of(lab);
    const experiment = await mlflow.experiment(`access ${theme}`);
    const ids: string[] = [];
    for (const [at, name] of ['one', 'two', 'three'].entries()) {
      const metrics = { loss: falling(50, at + 1), accuracy: [0.5, 0.6 + at / 10] };
      ids.push(await mlflow.run(experiment, { name, metrics, params: { lr: String(at), note: 'n'.repeat(400) } }));
    }
    setTheme(lab, theme);
    await lab.open(page);
    const compared = await compare(page, ids);
    await compared.getByRole('tab', { name: 'Curves' }).click();
    await expect(compared.locator('canvas').first()).toBeVisible();
    await compared.getByRole('button', { name: 'Table' }).click();
    await compared.getByRole('button', { name: /^Metrics/ }).click();
    expect(await violations(page, '.jp-WindlassCompare')).toEqual([]);
    await page.keyboard.press('Escape');
    await expect(compared.getByRole('searchbox')).toBeHidden();
    for (const tab of ['Values', 'Scatter', 'Notebooks']) {
      await compared.getByRole('tab', { name: tab }).click();
      expect(await violations(page, '.jp-WindlassCompare')).toEqual([]);
    }
    setTheme(lab, 'JupyterLab Light');
  });
}
