/** The page of costs on a real JupyterHub: whose costs are seen, what is missing, budgets, trouble; names never run. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test as base, expect, type Page } from '@playwright/test';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const MARKUP = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

class CostsHub {
  private constructor(
    private readonly _process: ChildProcess,
    private readonly _place: { url: string; password: string }
  ) {}

  /** Start a hub whose users have spent something, and wait until all of it is counted. */
  static async start(): Promise<CostsHub> {
    const python = join(resolve(__dirname, '..', '..'), '.venv', 'bin', 'python');
    const process = spawn(python, [join(__dirname, 'serve_costs.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const first = await new Promise<string>((done, fail) => {
      createInterface({ input: process.stdout }).once('line', done);
      process.once('exit', code => fail(new Error(`the launcher ended with ${code}`)));
    });
    return new CostsHub(process, JSON.parse(first) as { url: string; password: string });
  }

  /** Log in and open the page of costs. */
  async open(page: Page, user: string): Promise<void> {
    await page.goto(`${this._place.url}hub/login?next=${encodeURIComponent('/hubs/hub/home')}`);
    await page.getByLabel('Username').fill(user);
    await page.getByLabel('Password').fill(this._place.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/hub\/home/);
    await page.goto(`${this._place.url}services/windlass/costs`);
  }

  async dispose(): Promise<void> {
    const gone = new Promise(done => this._process.once('exit', done));
    this._process.stdin?.end();
    await gone;
  }
}

const test = base.extend<object, { hub: CostsHub }>({
  hub: [
    async ({}, use) => {
      const hub = await CostsHub.start();
      await use(hub);
      await hub.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ]
});

const spentTable = (page: Page) => page.getByRole('table', { name: 'What was spent' });
const budgets = (page: Page) => page.getByRole('table', { name: 'Budgets', exact: true });
const row = (page: Page, text: string) => spentTable(page).getByRole('row').filter({ hasText: text });
const grouping = (page: Page) => page.getByLabel('By', { exact: true });

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const { violations: found } = await axe.run({ include: 'main' }, { runOnly: ['wcag2a', 'wcag2aa'] });
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
}

test('who may see costs sees everybody\'s, with what is missing in each sum; a user sees their own', async ({
  hub,
  page,
  browser
}) => {
  await hub.open(page, 'rita');
  await expect(row(page, 'ann')).toContainText('without 1 job of unknown cost');
  await expect(row(page, 'bob')).toContainText('without 1 job of unknown cost');
  await expect(row(page, 'All')).toContainText('without 2 jobs of unknown cost');
  await expect(page.getByRole('button', { name: /^Hold/ })).toHaveCount(0);
  await grouping(page).selectOption('group');
  await expect(page.getByText('A user of several groups is in the row of each of them')).toBeVisible();

  const other = await (await browser.newContext()).newPage();
  await hub.open(other, 'ann');
  await expect(other.getByRole('heading', { name: 'What you spent' })).toBeVisible();
  await expect(row(other, 'train-j5')).toContainText('unknown');
  await expect(spentTable(other)).not.toContainText('train-j3');
  await expect(budgets(other)).not.toContainText('bob');
  await other.context().close();
});

test('a name is text whatever it is, on wide and narrow windows, light and dark, for everybody to read', async ({
  hub,
  page
}) => {
  await hub.open(page, 'wendy');
  await grouping(page).selectOption('experiment');
  await expect(spentTable(page)).toContainText(MARKUP);
  for (const theme of ['light', 'dark']) {
    await page.evaluate(name => document.documentElement.setAttribute('data-bs-theme', name), theme);
    for (const width of [1400, 400]) {
      await page.setViewportSize({ width, height: 900 });
      const wider = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth
      );
      expect(wider, `${theme} ${width}`).toBeLessThanOrEqual(0);
      expect(await violations(page), `${theme} ${width}`).toEqual([]);
    }
  }
  expect(await page.evaluate(() => (window as unknown as { pwned?: number }).pwned)).toBeUndefined();
});

test('an administrator holds a budget and takes that back, and the row says what it means', async ({ hub, page }) => {
  await hub.open(page, 'wendy');
  const training = budgets(page).getByRole('row').filter({ hasText: 'Group training' });
  await expect(training).toContainText('blocks when used up');
  await training.getByRole('button', { name: 'Hold: training' }).click();
  await expect(page.getByText('Decided for training, until this month ends.')).toBeVisible();
  await expect(training).toContainText('nothing new starts');
  await training.getByRole('button', { name: 'Do not block: training' }).click();
  await expect(training).not.toContainText('nothing new starts');
  await expect(training).not.toContainText('blocks when used up');
  await training.getByRole('button', { name: 'As written: training' }).click();
  await expect(training).toContainText('blocks when used up');
});

test('an empty time and a service that is away are said, and trying again shows the costs', async ({ hub, page }) => {
  await hub.open(page, 'cyn');
  await expect(page.getByText('Nothing was spent in this time, as far as the hub has seen.')).toBeVisible();
  await page.route('**/api/costs*', route => route.abort());
  await page.getByRole('button', { name: 'Refresh' }).click();
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('The hub does not answer. Try again in a moment.');
  await page.unroute('**/api/costs*');
  await alert.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('Nothing was spent in this time, as far as the hub has seen.')).toBeVisible();
});
