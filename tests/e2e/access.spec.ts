/** WCAG of our own parts, and that no name or output runs a script. */
import { expect, test } from './lab';
import { jobPage, jobRow, openPanel, openSubmitDialog, showTab } from './pages';
import { setTheme, violations } from './wcag';

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`panel, dialog and job page keep to WCAG A and AA in ${theme}`, async ({ lab, page }) => {
    setTheme(lab, theme);
    const name = `access-${theme.split(' ')[1] ?? ''}`;
    const cells = [
      { source: 'steps: int = 3', tags: ['parameters'] },
      { source: 'print("\\033[31mred\\033[0m plain")\n1 / 0' }
    ];
    await lab.open(page, lab.write(`${name}.ipynb`, cells));
    await openPanel(page);
    const dialog = await openSubmitDialog(page);
    await dialog.getByLabel('steps').fill('three');
    expect(await violations(page, '.jp-WindlassSubmitDialog')).toEqual([]);
    await dialog.getByLabel('steps').fill('4');
    await dialog.getByRole('tab', { name: /Preview/ }).click();
    await expect(dialog.getByRole('row', { name: new RegExp(name) })).toBeVisible();
    expect(await violations(page, '.jp-WindlassSubmitDialog')).toEqual([]);
    await dialog.getByRole('button', { name: 'Submit' }).click();
    await expect(jobPage(page).getByRole('status').first()).toContainText('Failed');
    await expect(jobRow(page, name)).toContainText('Failed');
    expect(await violations(page, '.jp-WindlassPanel')).toEqual([]);
    for (const tab of ['Log', 'Notebook', 'Details', /^Runs/, 'Changes']) {
      await showTab(page, tab);
      expect(await violations(page, '.jp-WindlassJobPage:not(.lm-mod-hidden)')).toEqual([]);
    }
    setTheme(lab, 'JupyterLab Light');
  });
}

test('names and outputs run no script', async ({ lab, page }) => {
  const bait = '<img src=x onerror="document.body.dataset.bitten=1">';
  const html = `<script>document.body.dataset.bitten=1</script>${bait}`;
  const source = `from IPython.display import HTML, display\nprint(${JSON.stringify(bait)})\ndisplay(HTML(${JSON.stringify(html)}))\nraise ValueError(${JSON.stringify(bait)})`;
  await lab.open(page, lab.write('bait <b>.ipynb', [{ source: `label: str = ${JSON.stringify(bait)}`, tags: ['parameters'] }, { source }]));
  await openPanel(page);
  const dialog = await openSubmitDialog(page);
  await dialog.getByLabel('Name', { exact: true }).fill(bait);
  await dialog.getByRole('tab', { name: /Preview/ }).click();
  await expect(dialog.getByRole('row', { name: /bait <b>/ })).toBeVisible();
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('<img src=x');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Failed');
  await expect(jobRow(page, '<img')).toContainText('Failed');
  for (const tab of ['Notebook', 'Details', /^Runs/, 'Changes']) {
    await showTab(page, tab);
  }
  await showTab(page, 'Notebook');
  await expect(jobPage(page).locator('.jp-WindlassCell-outputs').last()).toContainText('ValueError');
  await expect(page.locator('body')).not.toHaveAttribute('data-bitten', /./);
});
