/** Runs found, sorted, filtered and opened; what a run ran and left behind; and that nothing in them is executed. */
import type { Page } from '@playwright/test';
import { expect, test, type Lab } from './lab';
import { Mlflow } from './mlflow';
import { execute, jobPage, openPanel, openSubmitDialog } from './pages';
import { setTheme, violations } from './wcag';

const EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> 🚀';

/** An experiment of a few runs of growing accuracy, some nested, one with a name that would like to be executed. */
async function fill(lab: Lab, name: string, count = 6): Promise<{ id: string; runs: string[]; mlflow: Mlflow }> {
  const mlflow = await Mlflow.of(lab);
  const id = await mlflow.experiment(name);
  const runs: string[] = [];
  for (let at = 0; at < count; at++) {
    runs.push(
      await mlflow.run(id, {
        name: at === 2 ? EVIL : `run-${at}`,
        params: { optimizer: at % 2 === 0 ? 'adam' : 'sgd', note: 'x'.repeat(at === 2 ? 5000 : 1) },
        metrics: { accuracy: [0.5 + at / 100], loss: [at === 1 ? NaN : 1 / (at + 1)] }
      })
    );
  }
  return { id, runs, mlflow };
}

/** Open the Experiments section at an experiment; returns the panel. */
async function openExperiment(page: Page, name: string) {
  const panel = await openPanel(page);
  await panel.locator('.lm-AccordionPanel-title', { hasText: 'Experiments' }).click();
  await panel.getByRole('button', { name: /^Experiment:/ }).click();
  await panel.getByRole('combobox', { name: 'Search experiments by name' }).fill(name);
  await panel.getByRole('option', { name }).click();
  await expect(panel.getByRole('button', { name: `Experiment: ${name}` })).toBeVisible();
  return panel;
}

const names = (page: Page) =>
  page.locator('.jp-WindlassGrid:visible').first().getByRole('row').locator('.jp-WindlassRun-name').allTextContents();

test('a filter with a typo shows where; put right, it finds; two runs are chosen and compared', async ({ lab, page }) => {
  page.on('dialog', () => expect('a name was executed').toBe(''));
  await fill(lab, 'filtering');
  await lab.open(page);
  const panel = await openExperiment(page, 'filtering');
  await expect(panel.getByText('6 runs', { exact: true })).toBeVisible();
  // Opened beside the jobs, the section has room for its rows and for the whole choice of columns.
  expect((await panel.locator('.jp-WindlassExperiments-panel').boundingBox())?.height).toBeGreaterThan(250);
  await panel.getByRole('button', { name: 'Columns' }).click();
  await expect(panel.getByRole('button', { name: 'Done' })).toBeInViewport({ ratio: 1 });
  await panel.getByRole('button', { name: 'Done' }).click();

  const filter = panel.getByRole('combobox', { name: /Filter runs/ });
  await filter.pressSequentially('metrics.acc');
  await expect(panel.getByRole('option', { name: 'metrics.accuracy' })).toBeVisible();
  await filter.press('ArrowDown');
  await filter.press('Enter');
  await expect(filter).toHaveValue('metrics.accuracy ');
  await filter.pressSequentially('>> 0.525');
  await filter.press('Enter');
  await expect(panel.getByRole('alert')).toContainText('>>');
  await expect(panel.locator('.jp-WindlassFilter mark')).toHaveText('>>');
  await expect(filter).toHaveAttribute('aria-invalid', 'true');
  expect(await violations(page, '.jp-WindlassExperiments-panel')).toEqual([]);

  await filter.fill('metrics.accuracy > 0.525');
  await filter.press('Enter');
  await expect(panel.getByText('3 runs', { exact: true })).toBeVisible();
  await panel.getByRole('combobox', { name: 'Sort by' }).selectOption('metrics.accuracy');
  await expect.poll(async () => names(page)).toEqual(['run-5', 'run-4', 'run-3']);
  await panel.getByRole('button', { name: 'Greatest first' }).click();
  await expect.poll(async () => names(page)).toEqual(['run-3', 'run-4', 'run-5']);

  await panel.getByRole('checkbox', { name: /run-3/ }).check();
  await panel.getByRole('row', { name: /run-4/ }).focus();
  await page.keyboard.press(' ');
  await panel.getByRole('button', { name: 'Compare (2)' }).click();
  await expect(page.locator('.jp-WindlassCompare:visible')).toBeVisible();
  expect(await page.evaluate(() => (window as { hacked?: number }).hacked)).toBeUndefined();
});

test('the table scrolls on to the last run, and remembers columns and order after a reload', async ({ lab, page }) => {
  const { id, mlflow } = await fill(lab, 'long', 0);
  mlflow.clone(lab, await mlflow.run(id, { name: 'z-last', metrics: { score: [-1] } }), 229);
  await lab.open(page, undefined, 'long');
  await execute(page, 'windlass:open-runs', { id });
  const table = page.locator('.jp-WindlassRunsPage:visible');
  await table.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
  const first = table.getByRole('row').nth(1);
  await expect(first).toContainText('n-0000');
  await first.focus();
  await expect(async () => {
    await page.keyboard.press('End');
    await expect(table.getByRole('row', { name: /z-last/ })).toBeFocused({ timeout: 2000 });
  }).toPass();
  expect(await table.getByRole('row').count()).toBeLessThan(80);
  await expect(table.getByText('230 runs', { exact: true })).toBeVisible();

  await table.getByRole('button', { name: 'Columns' }).click();
  await table.getByRole('checkbox', { name: /Notebook/ }).uncheck();
  await table.getByRole('button', { name: 'Done' }).click();
  await expect(table.getByRole('columnheader', { name: 'Notebook' })).toHaveCount(0);
  // Columns are written down only once the user has chosen some.
  await expect.poll(async () => (await lab.api('/lab/api/workspaces/long')).text()).toContain('"metrics.score"');
  await page.reload();
  await expect(table.getByRole('columnheader', { name: 'Name' })).toHaveAttribute('aria-sort', 'ascending');
  await expect(table.getByRole('columnheader', { name: 'score' })).toBeVisible();
  await expect(table.getByRole('columnheader', { name: 'Notebook' })).toHaveCount(0);
});

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`a run's page shows its files, and nothing of them is executed (${theme})`, async ({ lab, page }) => {
    setTheme(lab, theme);
    const { id, runs, mlflow } = await fill(lab, `files ${theme}`, 3);
    const evil = runs[2] ?? '';
    const put = async (path: string, body: string) =>
      fetch(`${mlflow.url}/api/2.0/mlflow-artifacts/artifacts/${id}/${evil}/artifacts/${path}`, { method: 'PUT', body });
    const script = '<script>parent.hacked = top.hacked = 1</script>';
    await put('page.html', `<h1>Report</h1>${script}`);
    await put('figure.svg', `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">${script}</svg>`);
    await put('data/rows.csv', 'a,b\n1,=cmd()\n2,<b>bold</b>\n');
    await put('data/facts.json', '{"b": [1, 2]}');

    await lab.open(page);
    await execute(page, 'windlass:open-run', { id: evil });
    const run = page.locator('.jp-WindlassRunPage:visible');
    await expect(run.getByRole('heading', { name: /<script>/ })).toBeVisible();
    await expect(run.getByText('cost unknown')).toBeVisible();
    await expect(run.getByRole('button', { name: 'Show all 5,000 characters' })).toBeVisible();
    expect(await violations(page, '.jp-WindlassRunPage')).toEqual([]);

    await run.getByRole('tab', { name: 'Files' }).click();
    await run.getByRole('treeitem', { name: 'page.html' }).click();
    await expect(run.frameLocator('iframe').getByRole('heading', { name: 'Report' })).toBeVisible();
    await run.getByRole('treeitem', { name: 'figure.svg' }).click();
    await expect(run.getByRole('img', { name: 'figure.svg' })).toBeVisible();
    await run.getByRole('treeitem', { name: 'data' }).focus();
    await page.keyboard.press('ArrowRight');
    await run.getByRole('treeitem', { name: 'rows.csv' }).click();
    await expect(run.getByRole('cell', { name: '<b>bold</b>' })).toBeVisible();
    await run.getByRole('treeitem', { name: 'facts.json' }).click();
    await expect(run.locator('pre')).toContainText('"b": [');
    expect(await violations(page, '.jp-WindlassRunPage')).toEqual([]);
    expect(await page.evaluate(() => (window as { hacked?: number }).hacked)).toBeUndefined();
    setTheme(lab, 'JupyterLab Light');
  });
}

test('from a run to what ran and what was sent, and to a new job with another parameter', async ({ lab, page }) => {
  const path = lab.write('reproduced.ipynb', [
    { source: 'steps: int = 3', tags: ['parameters'] },
    { source: 'import mlflow\nmlflow.log_metric("steps", steps)\nprint("steps are", steps)' }
  ]);
  await lab.open(page, path);
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');
  const jobs = async () => {
    const list = (await (await lab.api('/windlass/v1/jobs?q=reproduced')).json()) as {
      items: { run_id: string | null; record: string | null }[];
    };
    return list.items;
  };
  const job = async () => (await jobs())[0];
  const runs = async () => (await jobs()).flatMap(({ run_id: id }) => id ?? []).reverse();
  await expect.poll(async () => (await job())?.record, { timeout: 60_000 }).toBe('uploaded');
  await execute(page, 'windlass:open-run', { id: (await job())?.run_id });
  const run = page.locator('.jp-WindlassRunPage:visible');
  await run.getByRole('tab', { name: 'Notebook as It Ran' }).click();
  await expect(run.getByRole('region', { name: 'Notebook as it ran' })).toContainText('steps are 3');
  await run.getByRole('tab', { name: 'What Was Sent' }).click();
  await run.getByRole('option', { name: /reproduced\.ipynb/ }).click();
  await expect(run.getByRole('region', { name: /reproduced\.ipynb/ })).toContainText('log_metric');
  expect(await violations(page, '.jp-WindlassRunPage')).toEqual([]);

  await run.getByRole('button', { name: 'Run Again…' }).click();
  await dialog.getByLabel('steps').fill('4');
  await dialog.getByRole('button', { name: 'Run' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('steps are 4');

  // What was sent both times, cell by cell.
  await expect.poll(async () => (await runs()).length, { timeout: 60_000 }).toBe(2);
  await execute(page, 'windlass:compare-runs', { ids: await runs() });
  const compared = page.locator('.jp-WindlassCompare:visible');
  await compared.getByRole('tab', { name: 'Notebooks' }).click();
  await expect(compared.getByRole('heading', { name: /^Code cell 2, only in reproduced-/ })).toBeVisible();
  await expect(compared.getByRole('cell', { name: 'added steps = 4' })).toBeVisible();
  await expect(compared.getByText('1 cell is the same')).toHaveCount(2);
});
