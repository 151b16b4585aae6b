/** %train in a notebook on screen. */
import { expect, test } from './lab';
import { jobPage, jobRow, openPanel, retype, runCell } from './pages';

test('%train sends the edits on screen, and shows a live card', async ({ lab, page }) => {
  const path = lab.write('magic.ipynb', [
    { source: 'print("as on disk")' },
    { source: '%load_ext windlass\n%train -p steps=4' }
  ]);
  await lab.open(page, path);
  await retype(page, 0, 'print("edited, not saved")');
  await runCell(page, 1);
  await openPanel(page);
  await expect(jobRow(page, 'magic')).toContainText('Succeeded');
  const output = page.locator('.jp-NotebookPanel:visible .jp-Cell').nth(1).locator('.jp-OutputArea');
  await expect(output).toContainText(/succeeded/i);
  await jobRow(page, 'magic').press('Enter');
  await expect(jobPage(page).getByRole('log')).toContainText('edited, not saved');
});
