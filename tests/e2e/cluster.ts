/**
 * An emulated cluster whose pods run on this machine, and a JupyterLab that a kubeconfig leads to it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { test as base } from '@playwright/test';
import { Lab } from './lab';

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

/** Tests share one cluster and one JupyterLab; each uses notebooks of its own name. */
export const test = base.extend<object, { cluster: EmulatedCluster; lab: Lab }>({
  cluster: [
    async ({}, use) => {
      const cluster = await EmulatedCluster.start();
      await use(cluster);
      await cluster.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ],
  lab: [
    async ({ cluster }, use) => {
      test.skip(cluster.missing !== null, `This machine does not let us make ${cluster.missing ?? ''}.`);
      const lab = await Lab.start({
        KUBECONFIG: cluster.kubeconfig,
        JUPYTER_IMAGE: 'registry.example.com/lab:2026.11'
      });
      await use(lab);
      await lab.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ]
});

export { expect } from '@playwright/test';
