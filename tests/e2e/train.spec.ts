/** The main job: from the notebook on screen to its executed notebook. */
import { expect, test } from './lab';
import { jobPage, jobRow, openPanel, openSubmitDialog, retype, showTab } from './pages';

const TRAIN = [
  { source: '# A training', type: 'markdown' as const },
  { source: 'steps: int = 3  # how many\nlabel: str = "plain"', tags: ['parameters'] },
  { source: 'import os, time\nfrom sibling import double\nrank = int(os.environ["RANK"])' },
  {
    source:
      'for step in range(steps):\n    print(f"rank {rank} step {step} {label} {double(step)}", flush=True)\n    time.sleep(0.3)'
  },
  { source: 'import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);' }
];

test('a notebook becomes a job of two workers, and its plot comes back', async ({ lab, page }) => {
  lab.writeText('first/sibling.py', 'def double(x):\n    return 2 * x\n');
  await lab.open(page, lab.write('first/train.ipynb', TRAIN));

  const dialog = await openSubmitDialog(page);
  await dialog.getByLabel('Workers', { exact: true }).fill('2');
  await dialog.getByLabel('steps').fill('5');
  await dialog.getByRole('tab', { name: 'Preview' }).click();
  await expect(dialog.getByRole('row', { name: /^first\/train\.ipynb/ })).toBeVisible();
  await expect(dialog.getByRole('row', { name: /^first\/sibling\.py/ })).toContainText(/imported by/);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(dialog).toBeHidden();

  await expect(jobPage(page)).toBeVisible();
  const log = jobPage(page).getByRole('log');
  await expect(log).toContainText('rank 0 step 0 plain 0');
  await expect(log).toContainText('rank 1 step 4 plain 8');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');

  await showTab(page, 'Notebook');
  await expect(jobPage(page).locator('img[src^="data:image/png"]')).toBeVisible();

  await openPanel(page);
  await expect(jobRow(page, 'train')).toContainText('Succeeded');
});

test('what is on screen is what runs, saved or not', async ({ lab, page }) => {
  await lab.open(page, lab.write('unsaved.ipynb', [{ source: 'print("as on disk")' }]));
  await retype(page, 0, 'print("as typed just now")');
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('as typed just now');
  await expect(jobPage(page).getByRole('log')).not.toContainText('as on disk');
});

test('a running job is stopped for good, after a question', async ({ lab, page }) => {
  const source = 'import time\nprint("on my way", flush=True)\nwhile True:\n    time.sleep(0.1)';
  await lab.open(page, lab.write('endless.ipynb', [{ source }]));
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('on my way');
  await jobPage(page).getByRole('button', { name: /Stop/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  await expect(jobPage(page).getByRole('status').first()).toContainText('Stopped');
});

test('a failing cell is named, with its line, and the error leads back to it', async ({ lab, page }) => {
  const path = lab.write('failing.ipynb', [
    { source: 'x = 1' },
    { source: 'def deep():\n    raise ValueError("no luck")\n\ndeep()' }
  ]);
  await lab.open(page, path);
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('status').first()).toContainText('Failed');
  await expect(jobPage(page)).toContainText('ValueError');
  await expect(jobPage(page)).toContainText('no luck');
  await jobPage(page).getByRole('button', { name: /Go to cell/i }).first().click();
  await expect(page.locator('.jp-NotebookPanel:visible .jp-Cell.jp-mod-active')).toContainText('no luck');
});

test('a secret in a cell is shown before it goes, and goes only when allowed', async ({ lab, page }) => {
  const secret = ['AKIA', 'QYLPMN5HHHFPZAM2'].join('');
  await lab.open(page, lab.write('secret.ipynb', [{ source: `aws_access_key_id = "${secret}"\nprint("sent")` }]));
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('tab', { name: /Preview/ }).click();
  await expect(dialog).toContainText(/secret|key/i);
  await expect(dialog).not.toContainText(secret);
  await expect(dialog.getByRole('button', { name: 'Submit' })).toBeDisabled();
  await dialog.getByRole('checkbox', { name: /send/i }).check();
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(jobPage(page).getByRole('log')).toContainText('sent');
});

test('a mistyped parameter is said at its field', async ({ lab, page }) => {
  await lab.open(page, lab.write('typed.ipynb', [{ source: 'steps: int = 3', tags: ['parameters'] }, { source: '1' }]));
  const dialog = await openSubmitDialog(page);
  const field = dialog.getByLabel('steps');
  await field.fill('three');
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await expect(dialog.getByRole('button', { name: 'Submit' })).toBeDisabled();
});
