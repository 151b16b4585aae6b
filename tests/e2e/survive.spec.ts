/** What is still there after a reload, in other tabs, and after the server was killed. */
import { expect, test } from './lab';
import { jobPage, jobRow, openPanel, openSubmitDialog, showTab } from './pages';

function counting(to: number): string {
  return `import time\nfor i in range(${to}):\n    print("count", i, flush=True)\n    time.sleep(0.25)\nprint("counted all")`;
}
const FOR_LONG = counting(4000);

test('after a reload everything is found again', async ({ lab, page }) => {
  await lab.open(page, lab.write('reload.ipynb', [{ source: FOR_LONG }]), 'reload');
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('count 2');
  // JupyterLab writes the layout down some time after it has changed.
  await expect.poll(async () => (await lab.api('/lab/api/workspaces/reload')).text()).toContain('windlass-job:');
  await page.reload();
  const log = jobPage(page).getByRole('log');
  await expect(log).toContainText('count 12');
  await log.evaluate(node => (node.scrollTop = 0));
  await expect(log).toContainText('count 0');
  await openPanel(page);
  await expect(jobRow(page, 'reload')).toContainText('Running');
  await jobPage(page).getByRole('button', { name: /Stop/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  await expect(jobRow(page, 'reload')).toContainText('Stopped');
});

test('three tabs show the same job', async ({ lab, page, context }) => {
  await lab.open(page, lab.write('tabs.ipynb', [{ source: FOR_LONG }]));
  const others = [await context.newPage(), await context.newPage()];
  for (const other of others) {
    await lab.open(other);
    await openPanel(other);
  }
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  for (const other of others) {
    await expect(jobRow(other, 'tabs')).toContainText('Running');
    await jobRow(other, 'tabs').press('Enter');
    await expect(jobPage(other).getByRole('log')).toContainText('count 9');
  }
  await jobPage(page).getByRole('button', { name: /Stop/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  for (const other of others) {
    await expect(jobRow(other, 'tabs')).toContainText('Stopped');
  }
});

test('the server is killed and started again: the job went on, and its log too', async ({ lab, page }) => {
  await lab.open(page, lab.write('killed.ipynb', [{ source: counting(60) }]));
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('count 2');
  // JupyterLab's own word about the lost server, which a user closes.
  const lost = page.getByRole('dialog').filter({ hasText: 'Server Connection Error' });
  await page.addLocatorHandler(lost, async () => lost.getByRole('button', { name: 'Close' }).click());
  await lab.kill('SIGKILL');
  await lab.launch();
  await expect(jobPage(page).getByRole('log')).toContainText('counted all', { timeout: 60_000 });
  await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');
  await showTab(page, 'Notebook');
  await expect(jobPage(page)).toContainText('counted all');
});
