/**
 * A real JupyterHub with Windlass' profiles, for the tests of its spawn page.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { test as base, type Page } from '@playwright/test';

const REPOSITORY = resolve(__dirname, '..', '..');

interface IPlace {
  url: string;
  password: string;
  catalogue: string;
}

export class Hub {
  private constructor(
    private readonly _process: ChildProcess,
    private readonly _answers: Interface,
    private readonly _place: IPlace
  ) {}

  /** Start the hub and wait until it answers. */
  static async start(): Promise<Hub> {
    const process = spawn(join(REPOSITORY, '.venv', 'bin', 'python'), [join(__dirname, 'serve_hub.py')], {
      stdio: ['pipe', 'pipe', 'inherit']
    });
    const answers = createInterface({ input: process.stdout });
    const first = await new Promise<string>((done, fail) => {
      answers.once('line', done);
      process.once('exit', code => fail(new Error(`the hub's launcher ended with ${code}`)));
    });
    return new Hub(process, answers, JSON.parse(first) as IPlace);
  }

  /** Ends with a slash. */
  get url(): string {
    return this._place.url;
  }

  /** The file the profiles are in. */
  get catalogue(): string {
    return this._place.catalogue;
  }

  get profiles(): string {
    return readFileSync(this._place.catalogue, 'utf8');
  }

  set profiles(text: string) {
    writeFileSync(this._place.catalogue, text);
  }

  /** A new hub process; users' servers and the proxy stay. */
  async restart(): Promise<void> {
    const done = new Promise(resolve => this._answers.once('line', resolve));
    this._process.stdin?.write('restart\n');
    await done;
  }

  /** Log in and open the spawn page. */
  async openSpawnPage(page: Page, user: string): Promise<void> {
    await page.goto(`${this.url}hub/login?next=${encodeURIComponent('/hubs/hub/spawn')}`);
    await page.getByLabel('Username').fill(user);
    await page.getByLabel('Password').fill(this._place.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/hub\/spawn/);
  }

  /** Log in and open the service's page; the hub answers a little earlier than its service. */
  async openServicePage(page: Page, user: string): Promise<void> {
    await page.goto(`${this.url}hub/login`);
    await page.getByLabel('Username').fill(user);
    await page.getByLabel('Password').fill(this._place.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/hub\/(spawn|home)|user\//);
    for (;;) {
      const answer = await page.goto(`${this.url}services/windlass/`);
      if (answer?.ok()) {
        return;
      }
      await page.waitForTimeout(200);
    }
  }

  async dispose(): Promise<void> {
    const gone = new Promise(done => this._process.once('exit', done));
    this._process.stdin?.end();
    await gone;
  }
}

/** Tests share one hub; each has a user of its own. */
export const test = base.extend<object, { hub: Hub }>({
  hub: [
    async ({}, use) => {
      const hub = await Hub.start();
      await use(hub);
      await hub.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ]
});

export { expect } from '@playwright/test';
