/** A real Prometheus that scrapes what the exporters of a cluster's nodes would tell of pods. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './lab';

const PROMETHEUS = '/usr/bin/prometheus';

/** What a pod with one card does. */
export interface IPodUse {
  namespace: string;
  pod: string;
  /** 0 to 1. */
  engine: number;
  memoryMib: number;
  cores: number;
}

/** The exporters, in the test's hands, and the Prometheus that reads them each second. */
export class PodMetrics {
  private constructor(
    private readonly _folder: string,
    private readonly _exporter: Server,
    private readonly _process: ChildProcess,
    readonly url: string
  ) {}

  /** Why there can be none here; null when there can. */
  static readonly missing = existsSync(PROMETHEUS) ? null : `There is no ${PROMETHEUS} on this machine.`;

  static async start(): Promise<PodMetrics> {
    const folder = mkdtempSync(join(tmpdir(), 'windlass-prometheus-'));
    const exporter = createServer((_, answer) => answer.end(made.text));
    await new Promise<void>(done => exporter.listen(0, '127.0.0.1', done));
    const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
    const job = { job_name: 'nodes', honor_labels: true, static_configs: [{ targets: [target] }] };
    // JSON is YAML.
    const config = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: [job] };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const at = `127.0.0.1:${await freePort()}`;
    const process = spawn(
      PROMETHEUS,
      ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=${at}`],
      { cwd: folder, stdio: 'ignore' }
    );
    const made = new PodMetrics(folder, exporter, process, `http://${at}`);
    return made;
  }

  /** What they do from now on. */
  tell(pods: IPodUse[]): void {
    this._pods = pods;
  }

  /** What the exporters tell now. */
  get text(): string {
    const seconds = (Date.now() - this._begun) / 1000;
    return this._pods
      .flatMap(({ namespace, pod, engine, memoryMib, cores }, index) => {
        const own = `namespace="${namespace}",pod="${pod}",container="pytorch"`;
        const card = `gpu="${index}",UUID="GPU-pod-${index}",modelName="Tesla T4",Hostname="gpu-1",${own}`;
        return [
          `DCGM_FI_PROF_GR_ENGINE_ACTIVE{${card}} ${engine}`,
          `DCGM_FI_DEV_FB_USED{${card}} ${memoryMib}`,
          `DCGM_FI_DEV_FB_FREE{${card}} ${16_384 - memoryMib}`,
          `DCGM_FI_DEV_POWER_USAGE{${card}} 70`,
          `container_cpu_usage_seconds_total{${own}} ${cores * seconds}`,
          `container_memory_working_set_bytes{${own}} ${2 * 1024 ** 3}`
        ];
      })
      .map(line => `${line}\n`)
      .join('');
  }

  async dispose(): Promise<void> {
    const gone = new Promise(done => this._process.once('exit', done));
    this._process.kill('SIGTERM');
    await gone;
    this._exporter.close();
    rmSync(this._folder, { recursive: true, force: true });
  }

  private readonly _begun = Date.now();
  private _pods: IPodUse[] = [];
}
