/** The picture of GPUs in the documentation: a job over its life beside its metrics, on a machine with two cards. */
import { test } from './costs';
import { expect } from './lab';
import { execute, jobPage, openPanel, openSubmitDialog } from './pages';
import { take } from './picture';

const BOOK = `version: 1
source: our contract of 2026
prices:
- {gpu: NVIDIA A100-SXM4-40GB, usd_per_hour: 4.10}
- {cpu: core, usd_per_hour: 0.05}
`;
const SOURCE = `import mlflow, time
for step in range(240):
    mlflow.log_metric("loss", 2 / (1 + step / 20), step=step)
    mlflow.log_metric("accuracy", 1 - 1 / (1 + step / 20), step=step)
    time.sleep(0.25)`;

test('the picture of GPUs', async ({ lab, machine, page }) => {
  machine.price(BOOK);
  const card = (index: number, util: number) =>
    machine.driver.set(seen => {
      const one = seen.cards[index];
      if (one) {
        one.util = util;
      }
    });
  card(0, 88);
  card(1, 83);
  await lab.open(page, lab.write('resnet.ipynb', [{ source: SOURCE }]));
  const dialog = await openSubmitDialog(page);
  await dialog.getByLabel('GPUs per worker').fill('2');
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await openPanel(page);
  await page.locator('.lm-AccordionPanel-title', { hasText: 'GPUs' }).click();
  const cost = jobPage(page).locator('.jp-WindlassJobHeader-cost');
  await expect(cost).toContainText(/\$0\.(0[4-9]|1)/, { timeout: 90_000 });
  card(1, 41);
  await execute(page, 'windlass:open-gpus', {});
  await page.getByRole('treeitem', { name: /resnet/ }).first().click();
  await expect(page.getByText(/Achieved so far for \$0\.(09|1)/)).toBeVisible({ timeout: 90_000 });
  await take(page, 'gpus');
});
