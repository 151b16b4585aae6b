/** The pictures of docs/kubernetes.md: a job of two pods in an emulated cluster whose pods run on this machine. */
import { expect, test } from './cluster';
import { jobPage, openPanel, openSubmitDialog, showTab } from './pages';
import { take } from './picture';

const TRAIN = [
  { source: 'epochs: int = 3', tags: ['parameters'] },
  {
    source:
      'import os, time\nrank, size = os.environ["RANK"], os.environ["WORLD_SIZE"]\n' +
      'for epoch in range(epochs):\n    print(f"rank {rank} of {size}, epoch {epoch}", flush=True)\n' +
      'while not os.path.exists("/data/go"):\n    time.sleep(0.1)'
  }
];

test('the pictures of a cluster', async ({ cluster, lab, page }) => {
  await lab.open(page, lab.write('train.ipynb', TRAIN));
  await openPanel(page);
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('radio', { name: 'Cluster' }).check();
  await dialog.getByLabel('Workers', { exact: true }).fill('2');
  await dialog.getByLabel('GPUs per worker').fill('1');
  await dialog.getByLabel('GPU', { exact: true }).selectOption({ label: 'Tesla T4 (4 in all)' });
  await dialog.getByLabel('Memory', { exact: true }).fill('1Gi');
  await dialog.getByLabel('Nodes').selectOption('spot');
  await dialog.getByLabel('Queue').selectOption('team-a');
  await dialog.getByRole('button', { name: 'Mount a volume claim' }).click();
  await expect(dialog).toContainText('Runs as PyTorchJob.');
  await dialog.getByRole('group', { name: 'Size' }).evaluate(group => group.scrollIntoView());
  await take(page, 'cluster-submit');
  await dialog.getByRole('button', { name: 'Submit' }).click();

  await expect(jobPage(page)).toContainText('waiting for others to end');
  await cluster.admit();
  await expect(jobPage(page).getByRole('log')).toContainText('rank 1 of 2, epoch 2');
  await showTab(page, 'Cluster');
  await expect(jobPage(page).getByRole('listitem').filter({ hasText: 'First line' })).toContainText('after');
  await take(page, 'cluster-job');
  cluster.write('imagenet-dataset', 'go', '');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');
});
