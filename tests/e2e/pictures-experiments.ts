/** The pictures of experiments in the documentation: runs of a sweep over a real MLflow, as a table and compared. */
import { expect, test } from './lab';
import { Mlflow } from './mlflow';
import { execute, openPanel } from './pages';
import { take } from './picture';
import { setTheme } from './wcag';

const RATES = ['0.3', '0.1', '0.03', '0.01', '0.003'];
const OPTIMIZERS = ['adam', 'sgd', 'lion'];
const EPOCHS = 40;

test('the pictures of experiments', async ({ lab, page }) => {
  const mlflow = await Mlflow.of(lab);
  const id = await mlflow.experiment('digits-sweep');
  const runs: string[] = [];
  for (const optimizer of OPTIMIZERS) {
    for (const rate of RATES) {
      const [loss, accuracy] = learning(Number(rate), OPTIMIZERS.indexOf(optimizer));
      const name = `${optimizer}-${rate}`;
      const hours = 0.05 + 0.01 * runs.length;
      const metrics = { loss, accuracy, 'windlass.cost_usd': [hours * 4.1], 'windlass.gpu_hours': [hours] };
      runs.push(await mlflow.run(id, { name, params: { optimizer, lr: rate, batch_size: '64' }, metrics }));
    }
  }
  await lab.open(page);
  await openPanel(page);
  await execute(page, 'windlass:open-runs', { id });
  const table = page.locator('.jp-WindlassRunsPage:visible');
  await expect(table.getByText('15 runs', { exact: true })).toBeVisible();
  const filter = table.getByRole('combobox', { name: /Filter runs/ });
  await filter.fill('metrics.accuracy > 0.9');
  await filter.press('Enter');
  await table.getByRole('combobox', { name: 'Sort by' }).selectOption('metrics.accuracy');
  await expect(table.getByText('15 runs', { exact: true })).toHaveCount(0);
  await take(page, 'experiments');

  setTheme(lab, 'JupyterLab Dark');
  await page.reload();
  await execute(page, 'windlass:compare-runs', { ids: [runs[1], runs[6], runs[11]] });
  const compared = page.locator('.jp-WindlassCompare:visible');
  await expect(compared.locator('canvas').first()).toBeVisible();
  await take(page, 'compare-dark');
  setTheme(lab, 'JupyterLab Light');
});

/** Curves as of a training: loss falls and accuracy rises, by how well the rate suits the optimizer. */
function learning(rate: number, kind: number): [number[], number[]] {
  const suits = Math.exp(-((Math.log10(rate) + 1 + 0.5 * kind) ** 2));
  const wave = (at: number): number => 0.02 * Math.sin(7 * at + kind) * (1 - at / EPOCHS);
  const steps = Array.from({ length: EPOCHS }, (_, at) => at);
  const loss = steps.map(at => 0.05 + 2.2 / (1 + at * suits) + wave(at));
  return [loss, steps.map((at, index) => Math.min(0.995, Math.max(0.1, 1 - (loss[index] ?? 0) / 2.5)))];
}
