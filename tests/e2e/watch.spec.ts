/** A job while it runs, and what can be done with it after. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Lab } from './lab';
import { jobPage, jobRow, openPanel, openSubmitDialog, retype, runCell, showTab } from './pages';

/** Code that waits until the test writes the file. */
function waitFor(lab: Lab, file: string): string {
  return `import os, time\nwhile not os.path.exists(${JSON.stringify(join(lab.root, file))}): time.sleep(0.05)`;
}

test('the executed notebook fills while the job runs; later edits are changes', async ({ lab, page }) => {
  const path = lab.write('fills.ipynb', [
    { source: 'print("first", "done")' },
    { source: waitFor(lab, 'fills.go') },
    { source: 'print("second", "done")' }
  ]);
  await lab.open(page, path);
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await showTab(page, 'Notebook');
  await expect(jobPage(page)).toContainText('first done');
  await expect(jobPage(page)).not.toContainText('second done');
  lab.writeText('fills.go', '');
  await expect(jobPage(page)).toContainText('second done');

  await page.getByRole('tab', { name: 'fills.ipynb' }).click();
  await retype(page, 0, 'print("edited")');
  await page.keyboard.press('Control+s');
  await page.getByRole('tab', { name: 'fills', exact: true }).click();
  await showTab(page, 'Changes');
  await expect(jobPage(page)).toContainText('Code cell 1, changed since');
});

test('a job is run again with other parameters', async ({ lab, page }) => {
  const path = lab.write('again.ipynb', [
    { source: 'steps: int = 3', tags: ['parameters'] },
    { source: 'print("steps are", steps)' }
  ]);
  await lab.open(page, path);
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('steps are 3');
  await jobPage(page).getByRole('button', { name: /Run with Other Parameters/ }).click();
  await page.getByRole('dialog').getByLabel('steps').fill('4');
  await page.getByRole('dialog').getByRole('button', { name: 'Run' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('steps are 4');
});

test('a job that must wait says where it stands, and its end is told', async ({ lab, page }) => {
  lab.write('holds.ipynb', [{ source: waitFor(lab, 'holds.go') }]);
  lab.write('waits.ipynb', [{ source: 'print("my turn")' }]);
  await lab.open(page);
  await openPanel(page);
  await lab.submit({ notebook: 'holds.ipynb', workers: cpus().length });
  await expect(jobRow(page, 'holds')).toContainText('Running');
  await lab.submit({ notebook: 'waits.ipynb' });
  await expect(jobRow(page, 'waits')).toContainText('Queued');
  await expect(jobRow(page, 'waits')).toContainText('holds');
  lab.writeText('holds.go', '');
  await expect(jobRow(page, 'waits')).toContainText('Succeeded');
  await page
    .locator('.Toastify__toast')
    .filter({ hasText: 'waits' })
    .getByRole('button', { name: /Open/ })
    .click();
  await expect(jobPage(page).getByRole('log')).toContainText('my turn');
});

test('the card under %train stops its job', async ({ lab, page }) => {
  const path = lab.write('card.ipynb', [
    { source: '%load_ext windlass\n%train' },
    { source: waitFor(lab, 'card.never') }
  ]);
  await lab.open(page, path);
  await runCell(page, 0);
  const card = page.locator('.jp-NotebookPanel:visible .jp-Cell').first().locator('.jp-OutputArea');
  await expect(card).toContainText('running');
  await card.getByRole('button', { name: 'Stop' }).click();
  await expect(card).toContainText('stopped');
  await openPanel(page);
  await expect(jobRow(page, 'card')).toContainText('Stopped');
});

test('from the notebook to a stopped job by the keyboard alone', async ({ lab, page }) => {
  const path = lab.write('keys.ipynb', [{ source: `print("on my way", flush=True)\n${waitFor(lab, 'keys.never')}` }]);
  await lab.open(page, path);
  const dialog = page.getByRole('dialog');
  // Shortcuts work a moment after the notebook can be seen.
  await expect(async () => {
    await page.keyboard.press('Control+Alt+t');
    await expect(dialog).toBeVisible({ timeout: 2000 });
  }).toPass();
  await expect(dialog.getByLabel('Name', { exact: true })).toBeFocused();
  await page.keyboard.type('by keys');
  await expect(dialog.getByRole('button', { name: 'Submit' })).toBeEnabled();
  await page.keyboard.press('Enter');
  await expect(jobPage(page).getByRole('log')).toContainText('on my way');
  const stop = jobPage(page).getByRole('button', { name: /Stop/ });
  for (let steps = 0; steps < 60 && !(await stop.evaluate(node => node === document.activeElement)); steps++) {
    await page.keyboard.press('Tab');
  }
  await expect(stop).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(dialog).toContainText('Stop “by keys” for good?');
  await expect(dialog.getByRole('button', { name: 'Stop' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Stopped');
});
