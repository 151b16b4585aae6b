/** The pictures of the documentation: the example notebook, sent as a job of two processes to a real JupyterLab. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './lab';
import { jobPage, jobRow, openPanel, openSubmitDialog, showTab } from './pages';
import { take } from './picture';

const REPOSITORY = resolve(__dirname, '..', '..');
const NOTEBOOK = 'digits_ddp.ipynb';

test('the pictures of the documentation', async ({ lab, page }) => {
  for (const name of [NOTEBOOK, 'digits_model.py']) {
    writeFileSync(join(lab.root, name), readFileSync(join(REPOSITORY, 'examples', name)));
  }
  await lab.open(page, NOTEBOOK);
  await openPanel(page);

  const dialog = await openSubmitDialog(page);
  await dialog.getByLabel('Processes per worker', { exact: true }).fill('2');
  await dialog.getByLabel('epochs').fill('40');
  await expect(dialog.getByRole('button', { name: 'Submit' })).toBeEnabled();
  await take(page, 'submit');
  await dialog.getByRole('tab', { name: /Preview/ }).click();
  await expect(dialog.getByRole('row', { name: /digits_model\.py/ })).toBeVisible();
  await anonymise(page);
  await take(page, 'preview');
  await dialog.getByRole('button', { name: 'Submit' }).click();

  await expect(jobPage(page).getByRole('log')).toContainText('epoch 3/40');
  await besideNotebook(page);
  await take(page, 'job-running');
  await theme(page, 'JupyterLab Dark');
  await expect(jobPage(page).getByRole('log')).toContainText('epoch 12/40');
  await take(page, 'job-running-dark');
  await theme(page, 'JupyterLab Light');

  await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');
  await expect(jobRow(page, 'digits_ddp')).toContainText('Succeeded');
  await showTab(page, 'Notebook');
  const plot = jobPage(page).locator('img[src^="data:image/png"]');
  await plot.scrollIntoViewIfNeeded();
  await take(page, 'executed-notebook');
});

/** Drag the job's tab to the right half of the main area, as a user would to see notebook and job at once. */
async function besideNotebook(page: Page): Promise<void> {
  const tab = page.locator('#jp-main-dock-panel .lm-TabBar-tab', { hasText: /^digits_ddp$/ });
  const area = await page.locator('#jp-main-dock-panel').boundingBox();
  const from = await tab.boundingBox();
  if (area === null || from === null) {
    throw new Error('The job has no tab.');
  }
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width - 40, area.y + area.height / 2, { steps: 12 });
  await page.mouse.up();
}

/** Choose a theme as a user does, in the command palette. */
async function theme(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+Shift+C');
  const palette = page.locator('#modal-command-palette');
  await palette.getByRole('textbox').fill(name);
  await palette.locator('.lm-CommandPalette-itemLabel').getByText(`Use Theme: ${name}`, { exact: true }).click();
  await expect(page.locator('body')).toHaveAttribute('data-jp-theme-name', name);
}

/** A picture is of anybody's machine, not of the one where it was taken. */
async function anonymise(page: Page): Promise<void> {
  await page.evaluate(repository => {
    for (const block of document.querySelectorAll('.jp-WindlassPreview pre')) {
      block.textContent = (block.textContent ?? '').replaceAll(repository, '/home/you/project');
    }
  }, REPOSITORY);
}
