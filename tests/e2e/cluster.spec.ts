/** The same job on a cluster: chosen, previewed, queued with its reason, running, done; and what mends a finding. */
import { expect, test } from './cluster';
import { execute, jobPage, jobRow, openGpus, openPanel, openSubmitDialog, showTab } from './pages';
import { PodMetrics } from './prometheus';
import { setTheme, violations } from './wcag';

// Two pods are two Pythons with torch beside JupyterLab, on perhaps two cores.
test.describe.configure({ timeout: 240_000 });

const TRAIN = [
  { source: 'steps: int = 3', tags: ['parameters'] },
  {
    source:
      'import os, time\nrank, size = os.environ["RANK"], os.environ["WORLD_SIZE"]\n' +
      'for step in range(steps):\n    print(f"rank {rank} of {size}, step {step}", flush=True)\n' +
      'while not os.path.exists("/data/go"):\n    time.sleep(0.1)'
  }
];

test('a notebook becomes a job of two pods: queued with its reason, running, done', async ({ cluster, lab, page }) => {
  await lab.open(page, lab.write('cluster/train.ipynb', TRAIN));
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('radio', { name: 'Cluster' }).check();
  await dialog.getByLabel('Workers', { exact: true }).fill('2');
  await dialog.getByLabel('Memory', { exact: true }).fill('1Gi');
  await dialog.getByLabel('Queue').selectOption('team-a');
  await dialog.getByRole('button', { name: 'Mount a volume claim' }).click();
  await expect(dialog.getByLabel('Claim')).toHaveValue('imagenet-dataset');
  await expect(dialog).toContainText('Runs as PyTorchJob.');

  await dialog.getByRole('tab', { name: 'Manifest' }).click();
  const manifest = dialog.getByRole('region', { name: /^PyTorchJob train-/ });
  await expect(manifest).toContainText('apiVersion: kubeflow.org/v1');
  await expect(manifest).toContainText('claimName: imagenet-dataset');
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await expect(dialog).toBeHidden();

  await expect(jobPage(page).getByRole('status').first()).toContainText('Queued');
  await expect(jobPage(page)).toContainText('in queue team-a: waiting for others to end');
  await openPanel(page);
  await expect(jobRow(page, 'train')).toContainText('in queue team-a');
  await showTab(page, 'Cluster');
  await expect(jobPage(page).getByRole('listitem').filter({ hasText: 'Admitted' })).toContainText('not yet');

  await cluster.admit();
  await showTab(page, 'Log');
  const log = jobPage(page).getByRole('log');
  await expect(log).toContainText('rank 0 of 2, step 0');
  await expect(log).toContainText('rank 1 of 2, step 2');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Running');

  await showTab(page, 'Cluster');
  const pods = jobPage(page).getByRole('table', { name: 'Pods of this job' });
  for (const [name, rank] of [
    [/master-0/, '0'],
    [/worker-0/, '1']
  ] as const) {
    await expect(pods.getByRole('row', { name })).toContainText('Running');
    await expect(pods.getByRole('row', { name }).getByRole('cell').nth(1)).toHaveText(rank);
  }
  await expect(jobPage(page).getByRole('listitem').filter({ hasText: 'First line' })).toContainText('after');
  cluster.write('imagenet-dataset', 'go', '');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Succeeded');
  await expect(jobRow(page, 'train')).toContainText('Succeeded');
});

test('a fix of a finding is merged into the form', async ({ lab, page }) => {
  await lab.open(page, lab.write('cluster/large.ipynb', TRAIN));
  const dialog = await openSubmitDialog(page);
  await dialog.getByRole('radio', { name: 'Cluster' }).check();
  await dialog.getByLabel('GPUs per worker').fill('8');
  await dialog.getByRole('tab', { name: /Preview/ }).click();
  const finding = dialog.getByRole('listitem').filter({ hasText: 'No node has 8 GPUs' });
  await finding.getByRole('button', { name: 'Apply' }).press('Enter');
  await expect(finding).toBeHidden();
  await expect(dialog.getByText(/^Applied; \d+ findings? now\.$/)).toBeFocused();
  await dialog.getByRole('tab', { name: 'Run' }).click();
  await expect(dialog.getByLabel('GPUs per worker')).toHaveValue('4');
});

test('ranks of a job stand together with how far apart they are; who ran out of memory gets more next time', async ({
  cluster,
  lab,
  metrics,
  page
}) => {
  test.skip(metrics === null, PodMetrics.missing ?? '');
  const source = [
    'import os, time',
    'class OutOfMemoryError(RuntimeError): pass',
    'while not os.path.exists("/data/greedy"):\n    time.sleep(0.1)',
    'raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")'
  ].join('\n');
  const volumes = [{ claim: 'imagenet-dataset', path: '/data' }];
  const job = await lab.submit({
    notebook: lab.write('cluster/greedy.ipynb', [{ source }]),
    name: 'greedy',
    engine: 'kubernetes',
    workers: 3,
    gpus_per_worker: 1,
    cluster: { volumes, memory_bytes: 2 ** 30 }
  });
  await lab.open(page);
  await execute(page, 'windlass:open-job', { id: job.id });
  await expect(jobPage(page).getByRole('status').first()).toContainText('Running');
  const placement = (await (await lab.api(`/windlass/v1/jobs/${job.id}/placement`)).json()) as {
    namespace: string;
    pods: { name: string; ranks: number[] }[];
  };
  const { namespace, pods } = placement;
  metrics?.tell(
    pods.map(({ name: pod, ranks: [rank] }) => ({
      ...{ namespace, pod, memoryMib: 4096, cores: 1.5 },
      engine: rank === 1 ? 0.1 : 0.9
    }))
  );
  const tree = await openGpus(page);
  const head = tree.getByRole('treeitem', { name: /^Job greedy, 3 GPUs/ });
  await expect(head).toContainText('10–90 %, mean 63 %', { timeout: 60_000 });
  await expect(head).toContainText('rank 1 stands out');
  await expect(head).toContainText('25 %');
  await expect(head).toContainText('$1.50/h');
  const behind = tree.getByRole('treeitem', { name: /^Rank 1/ });
  await expect(behind).toContainText('Stands out from the other ranks');
  await expect(behind).toContainText('1.5 cores · 2 GiB');
  await expect(tree.getByRole('treeitem', { name: /^Rank 0/ })).not.toContainText('Stands out');
  expect(await violations(page, '.jp-WindlassGpus')).toEqual([]);

  cluster.write('imagenet-dataset', 'greedy', '');
  await expect(jobPage(page).getByRole('status').first()).toContainText('Failed');
  await expect(head).toHaveCount(0);
  await showTab(page, 'Cost');
  const advice = jobPage(page).getByRole('tabpanel').filter({ hasText: 'Right size' });
  await expect(advice).toContainText('NVIDIA-A100-SXM4-80GB');
  await advice.getByRole('button', { name: 'Use This Next Time' }).click();
  await advice.getByRole('button', { name: 'Train Now…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByLabel('GPUs per worker')).toHaveValue('1');
  await expect(dialog.getByLabel('GPU', { exact: true })).toHaveValue(/NVIDIA-A100-SXM4-80GB/);
});

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`what is about the cluster keeps to WCAG A and AA in ${theme}`, async ({ lab, page }) => {
    setTheme(lab, theme);
    await lab.open(page, lab.write(`cluster/access-${theme.split(' ')[1] ?? ''}.ipynb`, TRAIN));
    const dialog = await openSubmitDialog(page);
    await dialog.getByRole('radio', { name: 'Cluster' }).check();
    await dialog.getByLabel('Queue').selectOption('team-a');
    await dialog.getByRole('button', { name: 'Mount a volume claim' }).click();
    await dialog.getByText('More', { exact: true }).click();
    await dialog.getByLabel('GPUs per worker').fill('8');
    await dialog.getByLabel('Memory', { exact: true }).fill('32');
    expect(await violations(page, '.jp-WindlassSubmitDialog')).toEqual([]);
    await dialog.getByLabel('Memory', { exact: true }).fill('1Gi');
    await dialog.getByRole('tab', { name: /Preview/ }).click();
    await expect(dialog.getByRole('button', { name: 'Apply' }).first()).toBeVisible();
    await expect(dialog.locator('[aria-busy=true]')).toHaveCount(0);
    expect(await violations(page, '.jp-WindlassSubmitDialog')).toEqual([]);
    await dialog.getByRole('tab', { name: 'Manifest' }).click();
    await expect(dialog.getByRole('button', { name: 'Copy all' })).toBeVisible();
    expect(await violations(page, '.jp-WindlassSubmitDialog')).toEqual([]);
    await dialog.getByRole('button', { name: 'Submit' }).click();
    await showTab(page, 'Cluster');
    const pod = jobPage(page).getByRole('table', { name: 'Pods of this job' }).getByRole('row').nth(1);
    await expect(pod).toContainText('waiting for a GPU node');
    expect(await violations(page, '.jp-WindlassJobPage:not(.lm-mod-hidden)')).toEqual([]);
    setTheme(lab, 'JupyterLab Light');
  });
}
