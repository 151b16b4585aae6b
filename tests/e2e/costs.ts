/** A JupyterLab on a machine with two cards and a price book, both in the test's hands. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from '@playwright/test';
import { FakeDriver, GIB } from './gpus';
import { Lab } from './lab';

const A100 = 'NVIDIA A100-SXM4-40GB';
const UUIDS = ['GPU-aaaa', 'GPU-bbbb'];

/** A card costs a dollar a second, so that a cost is seen to grow. */
export const BOOK = `version: 1
source: our contract <img src=x onerror="document.body.dataset.bitten=1">
prices:
- {gpu: ${A100}, usd_per_hour: 3600}
- {cpu: core, usd_per_hour: 36}
`;

/** The machine: what its driver shows, what its prices are. */
export class PricedMachine {
  constructor() {
    this.driver.machine = {
      cards: UUIDS.map(uuid => ({ uuid, name: A100, total: 40 * GIB, used: 4 * GIB, util: 20, power: 90_000 })),
      slices: {},
      processes: [],
      errors: []
    };
    this.driver.set(() => undefined);
    this.price(BOOK);
  }

  readonly driver = new FakeDriver();

  /** The price book's path. */
  get book(): string {
    return join(this._folder, 'prices.yaml');
  }

  /** What a server needs in its environment. */
  get environment(): Record<string, string> {
    const config = join(this._folder, 'config');
    mkdirSync(config, { recursive: true });
    const settings = { price_book: this.book, advice_minutes: 0.03, local_gpus: ['0', '1'] };
    writeFileSync(join(config, 'jupyter_server_config.json'), JSON.stringify({ WindlassApp: settings }));
    return { ...this.driver.environment(10), JUPYTER_CONFIG_PATH: config };
  }

  /** Write the price book. */
  price(text: string): void {
    writeFileSync(this.book, text);
  }

  dispose(): void {
    this.driver.dispose();
    rmSync(this._folder, { recursive: true, force: true });
  }

  private readonly _folder = mkdtempSync(join(tmpdir(), 'windlass-prices-'));
}

/** Tests share one machine and one JupyterLab on it. */
export const test = base.extend<object, { lab: Lab; machine: PricedMachine }>({
  machine: [
    async ({}, use) => {
      const machine = new PricedMachine();
      await use(machine);
      machine.dispose();
    },
    { scope: 'worker' }
  ],
  lab: [
    async ({ machine }, use) => {
      const lab = await Lab.start(machine.environment);
      await use(lab);
      await lab.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ]
});
