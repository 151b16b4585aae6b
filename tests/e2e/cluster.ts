/**
 * An emulated cluster whose pods run on this machine, and a JupyterLab that a kubeconfig leads to it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { test as base } from '@playwright/test';
import { Lab } from './lab';
import { PodMetrics } from './prometheus';

const REPOSITORY = resolve(__dirname, '..', '..');

interface IPlace {
  kubeconfig: string;
  /** The folder of the volume claims' content. */
  claims: string;
  /** What this machine lacks to run pods. */
  missing?: string;
}

export class EmulatedCluster {
  private constructor(
    private readonly _process: ChildProcess,
    private readonly _answers: Interface,
    private readonly _place: IPlace
  ) {}

  /** Start the cluster and wait until it serves. */
  static async start(): Promise<EmulatedCluster> {
    const process = spawn(join(REPOSITORY, '.venv', 'bin', 'python'), [join(__dirname, 'serve_cluster.py')], {
      stdio: ['pipe', 'pipe', 'inherit']
    });
    const answers = createInterface({ input: process.stdout });
    const first = await new Promise<string>((done, fail) => {
      answers.once('line', done);
      process.once('exit', code => fail(new Error(`the cluster's launcher ended with ${code}`)));
    });
    return new EmulatedCluster(process, answers, JSON.parse(first) as IPlace);
  }

  get kubeconfig(): string {
    return this._place.kubeconfig;
  }

  /** Write a file into a volume claim. */
  write(claim: string, path: string, text: string): void {
    const file = join(this._place.claims, claim, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** What this machine lacks to run pods; null when it can. */
  get missing(): string | null {
    return this._place.missing ?? null;
  }

  /** Let all jobs go that wait in the queue. */
  async admit(): Promise<void> {
    const done = new Promise(resolve => this._answers.once('line', resolve));
    this._process.stdin?.write('admit\n');
    await done;
  }

  async dispose(): Promise<void> {
    if (this._process.exitCode === null) {
      const gone = new Promise(done => this._process.once('exit', done));
      this._process.stdin?.end();
      await gone;
    }
  }
}

/** The cluster's nodes are spot capacity. */
const PRICES = `version: 1
source: our contract
prices:
- {gpu: Tesla-T4, capacity: spot, usd_per_hour: 0.5}
- {gpu: NVIDIA-A100-SXM4-80GB, capacity: spot, usd_per_hour: 4}
- {cpu: core, capacity: spot, usd_per_hour: 0}
- {memory: GiB, capacity: spot, usd_per_hour: 0}
`;

/** Tests share one cluster and one JupyterLab; each uses notebooks of its own name. */
export const test = base.extend<object, { cluster: EmulatedCluster; metrics: PodMetrics | null; lab: Lab }>({
  cluster: [
    async ({}, use) => {
      const cluster = await EmulatedCluster.start();
      await use(cluster);
      await cluster.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ],
  /** null: this machine has no Prometheus. */
  metrics: [
    async ({}, use) => {
      const metrics = PodMetrics.missing === null ? await PodMetrics.start() : null;
      await use(metrics);
      await metrics?.dispose();
    },
    { scope: 'worker' }
  ],
  lab: [
    async ({ cluster, metrics }, use) => {
      test.skip(cluster.missing !== null, `This machine does not let us make ${cluster.missing ?? ''}.`);
      const folder = mkdtempSync(join(tmpdir(), 'windlass-e2e-config-'));
      const settings = { prometheus_url: metrics?.url ?? '', price_book: join(folder, 'prices.yaml') };
      writeFileSync(settings.price_book, PRICES);
      writeFileSync(join(folder, 'jupyter_server_config.json'), JSON.stringify({ WindlassApp: settings }));
      const lab = await Lab.start({
        JUPYTER_CONFIG_PATH: folder,
        KUBECONFIG: cluster.kubeconfig,
        JUPYTER_IMAGE: 'registry.example.com/lab:2026.11'
      });
      await use(lab);
      await lab.dispose();
      rmSync(folder, { recursive: true });
    },
    { scope: 'worker', timeout: 120_000 }
  ]
});

export { expect } from '@playwright/test';
