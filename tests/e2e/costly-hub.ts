/** A real JupyterHub on which people have spent money, and a JupyterLab of one of them. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test as base } from '@playwright/test';
import { Lab } from './lab';

const REPOSITORY = resolve(__dirname, '..', '..');

/** The hub, by what it puts into servers. */
export class CostlyHub {
  private constructor(
    private readonly _environments: Record<string, Record<string, string>>,
    private readonly _end: () => Promise<void>
  ) {}

  /** Start the hub, and wait until what was spent is counted. */
  static async start(): Promise<CostlyHub> {
    const process = spawn(join(REPOSITORY, '.venv', 'bin', 'python'), [join(__dirname, 'serve_costly_hub.py')], {
      stdio: ['pipe', 'pipe', 'inherit']
    });
    const gone = new Promise<void>(done => process.once('exit', () => done()));
    const first = await new Promise<string>((done, fail) => {
      createInterface({ input: process.stdout }).once('line', done);
      process.once('exit', code => fail(new Error(`the hub's launcher ended with ${code}`)));
    });
    return new CostlyHub(JSON.parse(first) as Record<string, Record<string, string>>, async () => {
      process.stdin.end();
      await gone;
    });
  }

  /** What the hub puts into a user's server. */
  environment(user: string): Record<string, string> {
    return this._environments[user] ?? {};
  }

  async dispose(): Promise<void> {
    await this._end();
  }
}

/** Tests share one hub, and the JupyterLab of Ann, whose budget is used up. */
export const test = base.extend<object, { hub: CostlyHub; lab: Lab }>({
  hub: [
    async ({}, use) => {
      const hub = await CostlyHub.start();
      await use(hub);
      await hub.dispose();
    },
    { scope: 'worker', timeout: 180_000 }
  ],
  lab: [
    async ({ hub }, use) => {
      const lab = await Lab.start(hub.environment('ann'));
      await use(lab);
      await lab.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ]
});

export { expect } from '@playwright/test';
