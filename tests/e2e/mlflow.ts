/** The MLflow of a JupyterLab under test, written to by its own REST interface as a training writes to it. */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Lab } from './lab';

/** A run to be made. */
export interface IRunToMake {
  name: string;
  params?: Record<string, string>;
  tags?: Record<string, string>;
  /** A metric's values by its name, at the steps 0, `apart`, 2 × `apart` … */
  metrics?: Record<string, readonly number[]>;
  /** How many steps lie between two values; 1 when left out. */
  apart?: number;
  /** Left running when true. */
  isRunning?: boolean;
}

const PYTHON = join(resolve(__dirname, '..', '..'), '.venv', 'bin', 'python');

/** The most values that MLflow takes in one request. */
const BATCH = 1000;

/** A minute's values are a second apart. */
const BEGIN_MS = Date.UTC(2026, 10, 23, 5, 31);

export class Mlflow {
  private constructor(readonly url: string) {}

  /** The server's own MLflow, started by asking for its experiments. */
  static async of(lab: Lab): Promise<Mlflow> {
    const deadline = Date.now() + 90_000;
    for (;;) {
      const asked = await lab.api('/windlass/v1/experiments');
      if (asked.ok) {
        break;
      }
      if (Date.now() > deadline) {
        throw new Error(await asked.text());
      }
      await new Promise(done => setTimeout(done, 250));
    }
    const info = (await (await lab.api('/windlass/v1/info')).json()) as { tracking: { url: string } };
    return new Mlflow(info.tracking.url);
  }

  /** Make an experiment; returns its id. */
  async experiment(name: string): Promise<string> {
    const made = await this.ask<{ experiment_id: string }>('experiments/create', { name });
    return made.experiment_id;
  }

  /** Make a run with all that is given; returns its id. */
  async run(experiment: string, given: IRunToMake): Promise<string> {
    const { name, params = {}, tags = {}, metrics = {}, apart = 1, isRunning = false } = given;
    const made = await this.ask<{ run: { info: { run_id: string } } }>('runs/create', {
      experiment_id: experiment,
      run_name: name,
      start_time: BEGIN_MS,
      tags: pairs(tags)
    });
    const id = made.run.info.run_id;
    await this.ask('runs/log-batch', { run_id: id, params: pairs(params) });
    for (const [key, values] of Object.entries(metrics)) {
      await this.log(id, key, values, { apart });
    }
    if (!isRunning) {
      await this.finish(id);
    }
    return id;
  }

  /** Make so many runs like this one, named `n-0000`, `n-0001` … in the server's own MLflow. */
  clone(lab: Lab, run: string, count: number): void {
    const database = join(lab.folder, 'windlass', 'mlflow', 'mlflow.db');
    execFileSync(PYTHON, [join(__dirname, 'clone_runs.py'), database, run, String(count)]);
  }

  /** Log values of a metric, from a step on. */
  async log(
    run: string,
    key: string,
    values: readonly number[],
    { first = 0, apart = 1 }: { first?: number; apart?: number } = {}
  ): Promise<void> {
    const all = values.map((value, at) => ({
      key,
      // JSON knows no such numbers; MLflow takes their names.
      value: Number.isFinite(value) ? value : String(value),
      step: first + at * apart,
      timestamp: BEGIN_MS + (first + at * apart) * 1000
    }));
    for (let at = 0; at < all.length; at += BATCH) {
      await this.ask('runs/log-batch', { run_id: run, metrics: all.slice(at, at + BATCH) });
    }
  }

  /** End a run. */
  async finish(run: string): Promise<void> {
    await this.ask('runs/update', { run_id: run, status: 'FINISHED', end_time: BEGIN_MS + 600_000 });
  }

  async ask<T>(endpoint: string, body: object): Promise<T> {
    const answer = await fetch(`${this.url}/api/2.0/mlflow/${endpoint}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body)
    });
    if (!answer.ok) {
      throw new Error(`${endpoint}: ${answer.status} ${await answer.text()}`);
    }
    return (await answer.json()) as T;
  }
}

function pairs(values: Record<string, string>): { key: string; value: string }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}
