/**
 * A real JupyterLab with the extension, in folders of its own, that a test may also kill and start again.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test as base, type Page } from '@playwright/test';
import { launched } from './pages';

const REPOSITORY = resolve(__dirname, '..', '..');
const TOKEN = 'e2e-token';

/** The JupyterLab to test: this checkout's, or the one whose `jupyter-lab` is named. */
const JUPYTER_LAB = process.env.WINDLASS_E2E_JUPYTER_LAB ?? join(REPOSITORY, '.venv', 'bin', 'jupyter-lab');

/** A cell of a notebook to be written. */
export interface ICell {
  source: string;
  type?: 'code' | 'markdown';
  tags?: string[];
}

export class Lab {
  private constructor(
    readonly folder: string,
    readonly port: number,
    private readonly _environment: Record<string, string>
  ) {}

  /** Start a server on a free port, with these further variables, and wait until it answers. */
  static async start(environment: Record<string, string> = {}): Promise<Lab> {
    const folder = mkdtempSync(join(tmpdir(), 'windlass-e2e-'));
    for (const name of ['root', 'config', 'data', 'runtime', 'settings', 'workspaces']) {
      mkdirSync(join(folder, name));
    }
    const quiet = join(folder, 'settings', '@jupyterlab', 'apputils-extension');
    mkdirSync(quiet, { recursive: true });
    writeFileSync(
      join(quiet, 'notification.jupyterlab-settings'),
      JSON.stringify({ fetchNews: 'false', checkForUpdates: false })
    );
    const lab = new Lab(folder, await freePort(), environment);
    await lab.launch();
    return lab;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The server's root folder. */
  get root(): string {
    return join(this.folder, 'root');
  }

  /** Start (again) on the same port and folders. */
  async launch(): Promise<void> {
    const log = openSync(join(this.folder, 'server.log'), 'a');
    this._process = spawn(
      JUPYTER_LAB,
      [
        `--ServerApp.port=${this.port}`,
        '--ServerApp.port_retries=0',
        '--ServerApp.open_browser=False',
        `--ServerApp.root_dir=${this.root}`,
        '--ServerApp.allow_root=True',
        // Tests give commands as other extensions do.
        '--LabApp.expose_app_in_browser=True',
        `--IdentityProvider.token=${TOKEN}`
      ],
      {
        env: {
          ...process.env,
          JUPYTER_CONFIG_DIR: join(this.folder, 'config'),
          JUPYTER_DATA_DIR: join(this.folder, 'data'),
          JUPYTER_RUNTIME_DIR: join(this.folder, 'runtime'),
          JUPYTERLAB_SETTINGS_DIR: join(this.folder, 'settings'),
          JUPYTERLAB_WORKSPACES_DIR: join(this.folder, 'workspaces'),
          WINDLASS_DATA_DIR: join(this.folder, 'windlass'),
          ...this._environment
        },
        stdio: ['ignore', log, log],
        detached: true
      }
    );
    const deadline = Date.now() + 60_000;
    for (;;) {
      try {
        if ((await this.api('/api/status')).ok) {
          return;
        }
      } catch (error) {
        if (Date.now() > deadline) {
          throw error;
        }
      }
      await new Promise(done => setTimeout(done, 100));
    }
  }

  /** End the server's process as an accident would. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const ended = this._process;
    this._process = null;
    if (ended !== null && ended.exitCode === null) {
      const gone = new Promise(done => ended.once('exit', done));
      ended.kill(signal);
      await gone;
    }
  }

  /** Stop every job, the server, and remove its folders. */
  async dispose(): Promise<void> {
    if (this._process === null) {
      await this.launch();
    }
    const list = (await (await this.api('/windlass/v1/jobs?limit=500')).json()) as { items: { id: string }[] };
    for (const job of list.items) {
      await this.api(`/windlass/v1/jobs/${job.id}/stop`, { method: 'POST', body: '{}' });
    }
    await this.kill('SIGTERM');
    this._endTracking();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }

  /** A request with the server's token. */
  api(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, {
      ...init,
      headers: { Authorization: `token ${TOKEN}`, 'Content-Type': 'application/json' }
    });
  }

  /** Send a notebook, as a program does; returns the job. */
  async submit(request: object): Promise<{ id: string }> {
    const answer = await this.api('/windlass/v1/jobs', { method: 'POST', body: JSON.stringify(request) });
    if (!answer.ok) {
      throw new Error(await answer.text());
    }
    return (await answer.json()) as { id: string };
  }

  /** Write a notebook below the root; returns its path. */
  write(path: string, cells: ICell[]): string {
    const notebook = {
      cells: cells.map((cell, index) => ({
        id: `cell-${index}`,
        cell_type: cell.type ?? 'code',
        metadata: cell.tags ? { tags: cell.tags } : {},
        source: cell.source,
        ...((cell.type ?? 'code') === 'code' ? { execution_count: null, outputs: [] } : {})
      })),
      metadata: { kernelspec: { name: 'python3', display_name: 'Python 3 (ipykernel)', language: 'python' } },
      nbformat: 4,
      nbformat_minor: 5
    };
    return this.writeText(path, JSON.stringify(notebook, null, 1));
  }

  /** Write any file below the root; returns its path. */
  writeText(path: string, text: string): string {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
    return path;
  }

  /** Copy the examples below the root. */
  copyExamples(): void {
    cpSync(join(REPOSITORY, 'examples'), join(this.root, 'examples'), { recursive: true });
  }

  /** Open JupyterLab, at a notebook if one is given, in a workspace of its own. */
  async open(page: Page, notebook?: string, workspace = `w${Date.now()}`): Promise<void> {
    const tree = notebook ? `/tree/${notebook.split('/').map(encodeURIComponent).join('/')}` : '';
    await page.goto(`${this.url}/lab/workspaces/${workspace}${tree}?token=${TOKEN}`);
    await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
    if (notebook) {
      await page.locator('.jp-NotebookPanel:visible .jp-Notebook').waitFor();
    } else {
      await launched(page);
    }
  }

  /** The embedded MLflow server ends by itself, but later than its folder. */
  private _endTracking(): void {
    const file = join(this.folder, 'windlass', 'mlflow', 'server.json');
    if (existsSync(file)) {
      const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number | null };
      try {
        if (pid !== null) {
          process.kill(pid, 'SIGTERM');
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
          throw error;
        }
      }
    }
  }

  private _process: ChildProcess | null = null;
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address !== null && typeof address === 'object') {
          done(address.port);
        } else {
          fail(new Error('no port'));
        }
      });
    });
  });
}

/** Tests share one JupyterLab; each uses notebooks of its own name. */
export const test = base.extend<object, { lab: Lab }>({
  lab: [
    async ({}, use) => {
      const lab = await Lab.start();
      await use(lab);
      await lab.dispose();
    },
    { scope: 'worker', timeout: 120_000 }
  ]
});

export { expect } from '@playwright/test';
