/** The registry on a real MLflow: register, compare, promote, meet somebody quicker, evaluate, reload; nothing in names runs. */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test, type Lab } from './lab';
import { Mlflow } from './mlflow';
import { execute, openPanel } from './pages';
import { setTheme, violations } from './wcag';

const REPOSITORY = resolve(__dirname, '..', '..');
const BAIT = '<img src=x onerror="document.body.dataset.bitten=1">';

/** Runs with models, made once: see log_models.py. */
let runs: string[] = [];

test.beforeAll(async ({ lab }) => {
  test.setTimeout(180_000);
  const mlflow = await Mlflow.of(lab);
  const python = join(REPOSITORY, '.venv', 'bin', 'python');
  const told = execFileSync(python, [join(__dirname, 'log_models.py'), mlflow.url, 'fraud', BAIT], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  });
  runs = JSON.parse(told.trim().split('\n').at(-1) ?? '') as string[];
});

/** The page of the model now in front. */
const modelPage = (page: Page): Locator => page.locator('.jp-WindlassModelPage:visible');

const entries = (page: Page): Locator =>
  modelPage(page).getByRole('list', { name: 'Promotions' }).locator('.jp-WindlassPromotions-entry');

/** As another person's server or a script asks. */
async function ask<T>(lab: Lab, path: string, body?: object): Promise<T> {
  const answer = await lab.api(`/windlass/v1/${path}`, body && { method: 'POST', body: JSON.stringify(body) });
  expect(answer.ok, await answer.clone().text()).toBe(true);
  return (await answer.json()) as T;
}

/** A model with the first two runs' models for its versions, and version 1 for its champion. */
async function makeModel(lab: Lab, name: string): Promise<void> {
  for (const run of runs.slice(0, 2)) {
    await ask(lab, 'models', { name, run_id: run });
  }
  await ask(lab, `models/${name}/promotions`, { version: '1', alias: 'champion', comment: 'the first' });
}

async function openModels(page: Page): Promise<Locator> {
  const panel = await openPanel(page);
  await panel.getByRole('heading', { name: 'Models' }).click();
  return panel.getByRole('grid', { name: 'Models' });
}

test('a run’s model is registered, promoted, and its champion is there after a reload', async ({ lab, page }) => {
  await lab.open(page, undefined, 'models-register');
  const registering = execute(page, 'windlass:register-model', { runId: runs[0] });
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('Name')).toBeFocused();
  await page.keyboard.type('a/b');
  await expect(dialog.getByText('A model’s name has no “/” and no “:”.')).toBeVisible();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('churn');
  await dialog.getByLabel('Description').fill(`the first ${BAIT}`);
  await dialog.getByLabel('Name').press('Enter');
  await registering;
  const model = modelPage(page);
  await expect(model.getByRole('heading', { name: 'Version 1' })).toBeVisible();
  await expect(model).toContainText(`${BAIT}calm-owl`);
  await expect(model.getByRole('table', { name: 'Metrics' })).toContainText('accuracy');
  await expect(model.getByRole('table', { name: 'Inputs' })).toContainText('amount');

  await model.getByRole('button', { name: 'Promote…' }).click();
  await expect(dialog).toContainText('champion is at no version now. It goes to version 1.');
  await expect(dialog).toContainText('No approval is needed: champion moves at once.');
  await dialog.getByLabel('Why').fill('nothing better yet');
  await dialog.getByRole('button', { name: 'Promote', exact: true }).click();
  await expect(page.getByText('champion of churn is at version 1 now.')).toBeVisible();
  await expect(model.getByTitle('Alias champion, at version 1')).toBeVisible();

  await page.reload();
  await expect(model.getByTitle('Alias champion, at version 1')).toBeVisible();
  await model.getByRole('tab', { name: 'Promotions' }).click();
  await expect(entries(page)).toHaveCount(1);
  await expect(entries(page)).toContainText('nothing better yet');
  await expect(entries(page)).toContainText('champion none → version 1');
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});

test('a run’s model is loaded in the notebook at hand, registered, tagged, and listed with what it measured', async ({ lab, page }) => {
  await lab.open(page, lab.write('loading.ipynb', [{ source: 'before = 1' }, { source: 'after = 2' }]), 'models-load');
  await execute(page, 'windlass:open-run', { id: runs[1] });
  const run = page.locator('.jp-WindlassRunPage:visible');
  await run.getByRole('button', { name: 'Insert Code That Loads It' }).click();
  const cells = page.locator('.jp-NotebookPanel:visible .jp-Cell');
  await expect(cells).toHaveCount(3);
  await expect(cells.nth(1)).toContainText('mlflow.sklearn.load_model');
  await expect(cells.nth(1)).toContainText(runs[1] ?? '');
  await expect(cells.nth(2)).toContainText('after');

  await execute(page, 'windlass:open-run', { id: runs[1] });
  await run.getByRole('button', { name: 'Register…' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('loaded');
  await page.keyboard.press('Enter');
  const model = modelPage(page);
  await expect(model.getByRole('option', { name: /Version 1/ })).toContainText(/accuracy (1|0\.\d+)/);
  await model.getByRole('button', { name: 'Change tags of version 1' }).click();
  await model.getByLabel('Name of the new tag').fill('team');
  await model.getByLabel('Value of team').fill(BAIT);
  await page.keyboard.press('Enter');
  await expect(model.getByRole('list', { name: 'Tags of version 1' })).toContainText(BAIT);
  await expect(model.getByRole('button', { name: 'Change tags of version 1' })).toBeFocused();
  await model.getByRole('button', { name: 'Change tags of version 1' }).click();
  expect(await violations(page, '.jp-WindlassModelPage:not(.lm-mod-hidden)')).toEqual([]);
  await model.getByRole('button', { name: 'Remove team' }).click();
  await model.getByRole('button', { name: 'Save' }).click();
  await expect(model.getByRole('list', { name: 'Tags of version 1' })).not.toContainText('team');
  await model.getByRole('button', { name: 'Add a tag of the model' }).click();
  await model.getByLabel('Name of the new tag').fill('owner');
  await model.getByLabel('Value of owner').fill('ada');
  await model.getByRole('button', { name: 'Save' }).click();
  await expect(model.getByRole('list', { name: 'Tags of the model' })).toContainText('owner ada');
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});

test('a version that breaks callers is marked, next to the champion and in the dialog', async ({ lab, page }) => {
  await makeModel(lab, 'schema');
  await ask(lab, 'models', { name: 'schema', run_id: runs[2] });
  await lab.open(page, undefined, 'models-schema');
  await (await openModels(page)).getByRole('row', { name: /schema/ }).click();
  const model = modelPage(page);
  await model.getByLabel('Compare with').selectOption('1');
  await expect(model).toContainText('Schema break: a caller of version 1 can fail with version 3.');
  const changes = model.getByRole('table', { name: 'Differences of the signatures' });
  await expect(changes.getByRole('row', { name: /country/ })).toContainText('breaks');
  await model.getByLabel('Compare with').selectOption('2');
  await expect(model.getByRole('row', { name: /accuracy/ })).toContainText('+');
  await model.getByRole('button', { name: 'Back to version 3' }).click();
  await model.getByRole('listbox').getByRole('option', { name: /Version 2/ }).click();
  await model.getByRole('button', { name: 'Promote…' }).click();
  await expect(page.getByRole('dialog')).toContainText('The same signature: callers of version 1 need no change.');
});

test('of two who promote at once one is told who was quicker, and the log has both', async ({ lab, page }) => {
  await makeModel(lab, 'race');
  await ask(lab, 'models', { name: 'race', run_id: runs[2] });
  await lab.open(page, undefined, 'models-race');
  await execute(page, 'windlass:open-model', { name: 'race', version: '3' });
  const model = modelPage(page);
  await model.getByRole('button', { name: 'Promote…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('champion is at version 1 now. It goes to version 3.');
  await ask(lab, 'models/race/promotions', { version: '2', alias: 'champion', comment: 'I was quicker' });
  await dialog.getByRole('button', { name: 'Promote', exact: true }).click();
  await expect(dialog.getByRole('alert')).toContainText('champion is at version 2 by now, not at version 1');
  await expect(dialog).toContainText('moved it,');
  await expect(dialog).toContainText('I was quicker');
  await expect(dialog).toContainText('champion is at version 2 now. It goes to version 3.');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await model.getByRole('tab', { name: 'Promotions' }).click();
  await expect(entries(page)).toHaveCount(3);
  await expect(entries(page).first()).toContainText('Not done');
  await expect(entries(page).nth(1)).toContainText('I was quicker');
  await expect(model.getByTitle('Alias champion, at version 2')).toBeVisible();
});

test('a version is evaluated beside the champion as a job, and the dialog shows what it found', async ({ lab, page }) => {
  test.setTimeout(240_000);
  await makeModel(lab, 'measured');
  const rows = Array.from({ length: 60 }, (_, at) => [Math.sin(at), Math.cos(3 * at)]);
  const lines = rows.map(([age = 0, amount = 0]) => `${age},${amount},${age + amount > 0 ? 1 : 0}`);
  lab.writeText('data/validation.csv', ['age,amount,fraud', ...lines].join('\n'));
  await lab.open(page, undefined, 'models-evaluate');
  await execute(page, 'windlass:open-model', { name: 'measured' });
  const model = modelPage(page);
  await model.getByRole('button', { name: 'Evaluate…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Validation set').fill('data/none.csv');
  await dialog.getByLabel('Column with the truth').fill('fraud');
  await page.keyboard.press('Enter');
  await expect(dialog.getByRole('alert')).toContainText('data/none.csv');
  await expect(dialog.getByLabel('Validation set')).toBeFocused();
  await dialog.getByLabel('Validation set').fill('data/validation.csv');
  await page.keyboard.press('Enter');
  await expect(model).toContainText('It is under way');
  const found = model.getByRole('table', { name: 'What the evaluation measured' });
  await expect(found).toBeVisible({ timeout: 150_000 });
  await expect(found).toContainText('Version 1');
  await model.getByRole('button', { name: 'Promote…' }).click();
  await expect(dialog.getByRole('table', { name: 'Both versions on one validation set' })).toBeVisible();
});

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`section, page and dialog keep to WCAG A and AA in ${theme}, also when narrow`, async ({ lab, page }) => {
    setTheme(lab, theme);
    const name = `access-${theme.split(' ')[1]?.toLowerCase() ?? ''}`;
    await makeModel(lab, name);
    await lab.open(page, undefined, name);
    const row = (await openModels(page)).getByRole('row', { name: new RegExp(name) });
    await row.focus();
    expect(await violations(page, '.jp-WindlassModels')).toEqual([]);
    await page.keyboard.press('Enter');
    const model = modelPage(page);
    await expect(model.getByRole('list', { name: 'Lineage' })).toBeVisible();
    for (const width of [1400, 640]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await violations(page, '.jp-WindlassModelPage:not(.lm-mod-hidden)')).toEqual([]);
      const overflow = await model
        .locator('.jp-WindlassModelPage-content')
        .evaluate(node => node.scrollWidth - node.clientWidth);
      expect(overflow).toBeLessThanOrEqual(0);
    }
    await model.getByLabel('Compare with').selectOption('1');
    await expect(model.getByRole('heading', { name: 'Signature' })).toBeVisible();
    expect(await violations(page, '.jp-WindlassModelPage:not(.lm-mod-hidden)')).toEqual([]);
    await model.getByRole('tab', { name: 'Promotions' }).click();
    await expect(entries(page)).toHaveCount(1);
    expect(await violations(page, '.jp-WindlassModelPage:not(.lm-mod-hidden)')).toEqual([]);
    await model.getByRole('tab', { name: 'Versions' }).click();
    await model.getByRole('button', { name: 'Back to version 2' }).click();
    await model.getByRole('button', { name: 'Promote…' }).click();
    await expect(page.getByRole('dialog').getByRole('table', { name: 'Metrics of both versions' })).toBeVisible();
    expect(await violations(page, '.jp-WindlassAskDialog')).toEqual([]);
    setTheme(lab, 'JupyterLab Light');
  });
}
