/** GPUs as they are seen: bars that move, slices, owners, alarms, a driver that goes away, and nothing sent unseen. */
import { execFileSync } from 'node:child_process';
import { test as base, type Page } from '@playwright/test';
import { DRIVER_NOT_LOADED, FakeDriver, GIB, twoGpus } from './gpus';
import { expect, Lab } from './lab';
import { execute, jobPage, jobRow, openGpus } from './pages';
import { setTheme, violations } from './wcag';

/** Alarms come after so long. */
const ALARM_MINUTES = 0.1;

/** A JupyterLab on a machine with two cards, whose driver is in the test's hands. */
const test = base.extend<{ driver: FakeDriver }, { lab: Lab; library: FakeDriver }>({
  library: [
    async ({}, use) => {
      const library = new FakeDriver();
      library.set(() => undefined);
      await use(library);
      library.dispose();
    },
    { scope: 'worker' }
  ],
  lab: [
    async ({ library }, use) => {
      const lab = await Lab.start(library.environment(ALARM_MINUTES));
      await use(lab);
      await lab.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ],
  driver: async ({ library }, use) => {
    library.machine = twoGpus();
    library.set(() => undefined);
    await use(library);
  }
});

const statusItem = (page: Page) => page.locator('#jp-main-statusbar').getByRole('button', { name: /^GPU / });

/** Start a notebook's kernel; returns its pid. */
async function kernelOf(lab: Lab, path: string): Promise<number> {
  const body = JSON.stringify({ path, name: '', type: 'notebook', kernel: { name: 'python3' } });
  await lab.api('/api/sessions', { method: 'POST', body });
  const out = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  const runtime = `${lab.folder}/runtime`;
  const line = out.split('\n').find(text => text.includes('ipykernel') && text.includes(runtime));
  return Number(/\d+/.exec(line ?? '')?.[0]);
}

/** Messages about GPUs that this page has been sent. */
function heard(page: Page): string[] {
  const types: string[] = [];
  page.on('websocket', socket => {
    socket.on('framereceived', ({ payload }) => {
      const type = /^\{"type":"(gpu\w+)"/.exec(String(payload))?.[1];
      if (type) {
        types.push(type);
      }
    });
  });
  return types;
}

test('a bar moves, slices stand under their card, and a kernel is its notebook', async ({ lab, driver, page }) => {
  const path = lab.write('explore.ipynb', [{ source: '1' }]);
  const pid = await kernelOf(lab, path);
  driver.set(machine => machine.processes.push(['0', pid, 3 * GIB]));
  await lab.open(page);
  const tree = await openGpus(page);
  const busy = tree.getByRole('treeitem', { name: /^GPU 0, A100-SXM4-40GB/ });
  await expect(busy).toContainText('87 %');
  await expect(busy).toContainText('8 of 40 GiB');
  await expect(busy).toContainText('312 W');
  await expect(busy).toContainText('explore.ipynb');
  const names = await tree.getByRole('treeitem').evaluateAll(rows => rows.map(row => row.getAttribute('aria-label')));
  expect(names.map(name => name?.split(',')[0])).toEqual(['This machine', 'GPU 0', 'GPU 1', 'MIG 1g.5gb', 'MIG 2g.10gb']);
  await expect(tree.getByRole('treeitem', { level: 3 })).toHaveCount(2);
  await expect(tree.getByRole('treeitem', { name: /^MIG 2g.10gb/ })).toContainText('3 of 10 GiB');
  // A card that is cut has no users of its own.
  await expect(tree.getByRole('treeitem', { name: /^GPU 1/ })).not.toContainText('nobody');
  await expect(statusItem(page)).toHaveText('GPU 87 %');

  const bar = busy.locator('.jp-WindlassMeter-bar').first();
  await expect(bar).toHaveAttribute('style', 'width: 87%;');
  driver.set(({ cards: [card] }) => card && Object.assign(card, { util: 12, power: 70_000 }));
  await expect(busy).toContainText('12 %');
  await expect(bar).toHaveAttribute('style', 'width: 12%;');
  await expect(statusItem(page)).toHaveText('GPU 12 %');
  await expect(busy.locator('.jp-WindlassSparkline path')).toHaveAttribute('d', /M.*L/);
});

test('what is not known is said, and a driver that goes away is a sentence', async ({ lab, driver, page }) => {
  await lab.open(page);
  const tree = await openGpus(page);
  const cut = tree.getByRole('treeitem', { name: /^GPU 1/ });
  await expect(cut).toContainText('unknown');
  await expect(cut.locator('.jp-mod-engine.jp-mod-unknown')).toBeVisible();
  driver.set(machine => {
    machine.errors = ['nvmlInit_v2', 'nvmlInitWithFlags', 'nvmlDeviceGetCount_v2'].map(call => [call, DRIVER_NOT_LOADED]);
  });
  const panel = page.getByRole('region', { name: 'Windlass' });
  await expect(panel.getByText(/This machine:.*driver/)).toBeVisible();
  await expect(tree).toHaveCount(0);
  await expect(statusItem(page)).toHaveCount(0);
});

test('nothing is sent while nobody looks, nor while the browser tab is hidden', async ({ lab, driver, page }) => {
  const types = heard(page);
  await lab.open(page);
  await openGpus(page);
  const grows = async (): Promise<void> => {
    const before = types.length;
    await expect.poll(() => types.length).toBeGreaterThan(before + 2);
  };
  const rests = async (): Promise<void> => {
    // The server lets go of the driver: no reading can come any more.
    await expect.poll(() => driver.isHeld).toBe(false);
    const before = types.length;
    await page.waitForTimeout(2500);
    expect(types.length).toBe(before);
  };
  await grows();
  const setVisibility = async (state: string): Promise<void> =>
    page.evaluate(value => {
      Object.defineProperty(document, 'visibilityState', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  await setVisibility('hidden');
  await rests();
  await setVisibility('visible');
  await grows();

  // The section closed: the status bar still looks. That one hidden, too: nobody does.
  await page.locator('.lm-AccordionPanel-title', { hasText: 'GPUs' }).click();
  await grows();
  await execute(page, 'statusbar:toggle', {});
  await rests();
  await execute(page, 'statusbar:toggle', {});
  await grows();
});

test('a job that lets its GPU idle is told of, until that is dismissed; its charts stand beside its metrics', async ({
  lab,
  driver,
  page
}) => {
  test.setTimeout(240_000);
  const source = [
    'import mlflow, time',
    'for step in range(20):',
    '    mlflow.log_metric("accuracy", 0.5 + step / 50, step=step)',
    '    time.sleep(0.3)',
    'time.sleep(600)'
  ].join('\n');
  lab.write('lazy.ipynb', [{ source }]);
  driver.set(({ cards: [card] }) => card && Object.assign(card, { util: 0, pcie_tx: 0, pcie_rx: 0 }));
  await lab.submit({ notebook: 'lazy.ipynb', name: 'lazy', gpus_per_worker: 1 });
  await lab.open(page);
  const tree = await openGpus(page);
  const job = tree.getByRole('treeitem', { name: /^Job lazy/ });
  await expect(job).toContainText('0 %');
  await expect(job).toContainText('$36.50/h · $0');
  await expect(statusItem(page)).toContainText('$36.50/h');
  const alarms = page.getByRole('log', { name: 'GPU alarms' });
  await expect(alarms).toContainText('lazy', { timeout: 60_000 });
  await expect(statusItem(page)).toContainText('1 alarm');
  await alarms.getByRole('button', { name: /^Dismiss/ }).click();
  await expect(alarms).toBeEmpty();
  await expect(statusItem(page)).not.toContainText('alarm');

  await job.click();
  const charts = page.locator('.jp-WindlassGpuPage:visible');
  await expect(charts.getByRole('region', { name: 'Use' }).getByRole('img')).toHaveAttribute('aria-label', /Rank 0: mean/);
  await expect(charts.getByRole('region', { name: 'accuracy' }).getByRole('img')).toBeVisible({ timeout: 60_000 });
  await expect(charts.getByText(/Achieved.*accuracy from 0.5 to/)).toBeVisible();
  // What it had cost by when grows while one looks, and the head says the same.
  const cost = charts.getByRole('region', { name: 'Cost by then' }).getByRole('img');
  const most = async (): Promise<number> =>
    Number(/most (\d+(?:\.\d+)?)/.exec((await cost.getAttribute('aria-label')) ?? '')?.[1]);
  const before = await most();
  await expect.poll(most).toBeGreaterThan(before);
  await expect(charts.getByText(/Achieved so far for \$0\.\d+: accuracy/)).toBeVisible();
  expect(await violations(page, '.jp-WindlassGpuPage')).toEqual([]);
  await charts.getByRole('button', { name: 'Zoom in' }).click();
  await expect(charts.getByRole('button', { name: 'Show all' })).toBeEnabled();
  await charts.getByRole('button', { name: 'Show all' }).click();

  await charts.getByRole('button', { name: 'Open job' }).click();
  await jobPage(page).getByRole('button', { name: 'GPUs' }).click();
  await expect(charts).toBeVisible();
  // A pause is none before it has lasted a minute.
  await expect(tree.getByRole('treeitem', { name: /^GPU 0/ })).toContainText(/Idle for 1:\d\d, costs \$36\.00\/h/, {
    timeout: 75_000
  });
  await expect(jobRow(page, 'lazy')).toBeVisible();
  await charts.getByRole('button', { name: 'Open job' }).click();
  await jobPage(page).getByRole('button', { name: /Stop/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  await expect(jobRow(page, 'lazy')).toContainText('Stopped');
  await expect(job).toHaveCount(0);
});

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`the section and this machine's charts can be read by everyone, in a narrow panel too (${theme})`, async ({
    lab,
    driver,
    page
  }) => {
    setTheme(lab, theme);
    driver.set(() => undefined);
    await lab.open(page);
    const tree = await openGpus(page);
    await expect(tree.getByRole('treeitem', { name: /^GPU 0/ })).toContainText('87 %');
    const panel = page.locator('#windlass-panel');
    await expect.poll(async () => (await panel.boundingBox())?.width ?? 999).toBeLessThan(320);
    const overflow = await tree.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(await violations(page, '.jp-WindlassGpus')).toEqual([]);

    await tree.getByRole('treeitem', { name: /^This machine/ }).focus();
    const devices = tree.getByRole('treeitem', { name: /^(GPU|MIG) / });
    await page.keyboard.press('ArrowLeft');
    await expect(devices).toHaveCount(0);
    await page.keyboard.press('ArrowRight');
    await expect(devices).toHaveCount(4);
    await page.keyboard.press('ArrowDown');
    await expect(tree.getByRole('treeitem', { name: /^GPU 0/ })).toBeFocused();
    await page.keyboard.press('Enter');
    const charts = page.locator('.jp-WindlassGpuPage:visible');
    await expect(charts.getByRole('region', { name: 'Memory' }).getByRole('img')).toHaveAttribute('aria-label', /GPU 0: mean 8/);
    await charts.getByRole('combobox', { name: 'The last' }).selectOption({ label: '5 minutes' });
    expect(await violations(page, '.jp-WindlassGpuPage')).toEqual([]);
  });
}
