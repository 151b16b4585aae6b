/** Budgets where they are felt: the Train dialog refuses, the page of costs says how they stand. */
import { expect, test } from './costly-hub';
import { execute, openSubmitDialog } from './pages';
import { setTheme, violations } from './wcag';

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`whose budget is spent is told so before sending, and where it went (${theme})`, async ({ lab, page }) => {
    setTheme(lab, theme);
    await lab.open(page, lab.write('more.ipynb', [{ source: 'print(1)' }]));
    const dialog = await openSubmitDialog(page);
    const cost = dialog.getByRole('region', { name: 'Cost' });
    await expect(cost.getByRole('alert')).toContainText(/Your budget of \$1\.00 a month is spent \(\$[\d,.]+\)/);
    const budgets = cost.getByRole('list', { name: 'Budgets' }).first();
    await expect(budgets).toContainText(/Your budget of this month: \$[\d,.]+ of \$1\.00 .*nothing new may be started/);
    await expect(dialog.getByRole('button', { name: 'Submit' })).toBeDisabled();
    await cost.getByText('How this is counted').click();
    await expect(cost).toContainText('Budget of training of this week');
    expect(await violations(page, '.jp-WindlassEstimate')).toEqual([]);
    await dialog.getByRole('button', { name: 'Cancel' }).click();

    await execute(page, 'windlass:open-costs', {});
    const costs = page.locator('.jp-WindlassCostsPage:visible');
    await expect(costs.getByRole('list', { name: 'Budgets' })).toContainText('Your budget of this month');
    await costs.getByLabel('By', { exact: true }).selectOption('user');
    await expect(costs.getByRole('row', { name: /^ann/ })).toContainText('$');
    await expect(costs).toContainText('From the hub’s own records of the cluster');
    await expect(costs.getByRole('row', { name: /^bob/ })).toHaveCount(0);
    expect(await violations(page, '.jp-WindlassCostsPage')).toEqual([]);
  });
}
