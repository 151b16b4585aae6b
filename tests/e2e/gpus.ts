/** A GPU driver for machines without one: the C library of tests/nvml, and what its devices answer, changed at will. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const SOURCE = resolve(__dirname, '..', 'nvml', 'driver.c');
const LIBRARY = 'libnvidia-ml.so.1';

export const GIB = 1024 ** 3;

/** NVML's number for a driver that is not there. */
export const DRIVER_NOT_LOADED = 9;

/** Words of a line of the library's state; those of tests/nvml/driver.c. */
export interface IGpu {
  uuid: string;
  name: string;
  total: number;
  used?: number;
  util?: number;
  /** In milliwatts. */
  power?: number;
  temperature?: number;
  clock?: number;
  /** In KB/s. */
  pcie_tx?: number;
  pcie_rx?: number;
  mig?: number;
  gi?: number;
  /** Of compute, of a slice. */
  slices?: number;
}

/** What a machine shows. */
export interface IMachine {
  cards: IGpu[];
  /** By the place of their card. */
  slices: Record<number, IGpu[]>;
  /** `0`, or `1.0` for the first slice of the second card; pid; bytes. */
  processes: [where: string, pid: number, bytes: number][];
  /** A call, and the number it answers with. */
  errors: [call: string, code: number][];
}

const PRICES = `version: 1
source: our contract
prices:
- {gpu: NVIDIA A100-SXM4-40GB, usd_per_hour: 36}
- {cpu: core, usd_per_hour: 0.5}
`;

/** Two A100: one at work, one cut in two slices. */
export function twoGpus(): IMachine {
  const name = 'NVIDIA A100-SXM4-40GB';
  const card = { name, total: 40 * GIB, temperature: 61, clock: 1410 };
  const slice = { ...card, clock: 1410, power: 0 };
  return {
    cards: [
      { ...card, uuid: 'GPU-aaaa', used: 8 * GIB, util: 87, power: 312_400, pcie_tx: 1000, pcie_rx: 2000 },
      { ...card, uuid: 'GPU-bbbb', used: GIB, power: 61_000, mig: 1 }
    ],
    slices: {
      1: [
        { ...slice, uuid: 'MIG-1111', name: `${name} MIG 1g.5gb`, total: 5 * GIB, gi: 7, slices: 1 },
        { ...slice, uuid: 'MIG-2222', name: `${name} MIG 2g.10gb`, total: 10 * GIB, gi: 3, slices: 2, used: 3 * GIB }
      ]
    },
    processes: [],
    errors: []
  };
}

/** The library, and the file that it reads. */
export class FakeDriver {
  constructor() {
    this._folder = mkdtempSync(join(tmpdir(), 'windlass-nvml-'));
    const flags = ['-O1', '-shared', '-fPIC', `-Wl,-soname,${LIBRARY}`, '-pthread'];
    execFileSync('cc', [...flags, '-o', join(this._folder, LIBRARY), SOURCE]);
    // The local engine asks NVIDIA's tool which cards there are to give.
    mkdirSync(join(this._folder, 'bin'));
    writeFileSync(join(this._folder, 'bin', 'nvidia-smi'), `#!/bin/sh\ncat '${this._state}.list'\n`, { mode: 0o755 });
  }

  machine: IMachine = twoGpus();

  /** What a server needs in its environment; jobs may have the first card, alarms come after seconds. */
  environment(minutes: number): Record<string, string> {
    const config = join(this._folder, 'config');
    mkdirSync(config, { recursive: true });
    const book = join(this._folder, 'prices.yaml');
    writeFileSync(book, PRICES);
    const settings = { gpu_alarm_minutes: minutes, local_gpus: ['0'], price_book: book };
    writeFileSync(join(config, 'jupyter_server_config.json'), JSON.stringify({ WindlassApp: settings }));
    return {
      LD_LIBRARY_PATH: this._folder,
      FAKE_NVML_STATE: this._state,
      JUPYTER_CONFIG_PATH: config,
      PATH: `${join(this._folder, 'bin')}:${process.env.PATH ?? ''}`
    };
  }

  /** Whether some process holds the driver. */
  get isHeld(): boolean {
    const log = `${this._state}.log`;
    const words = existsSync(log) ? readFileSync(log, 'ascii').split('\n') : [];
    return words.filter(word => word === 'init').length > words.filter(word => word === 'shutdown').length;
  }

  /** Change what it answers, from now on. */
  set(change: (machine: IMachine) => void): void {
    change(this.machine);
    const { cards, slices, processes, errors } = this.machine;
    const lines = [
      ...cards.map((card, at) => `device ${at} ${words(card)}`),
      ...Object.entries(slices).flatMap(([card, parts]) => parts.map((part, at) => `slice ${card} ${at} ${words(part)}`)),
      ...processes.map(([where, pid, bytes]) => `process ${where} pid=${pid} memory=${bytes}`),
      ...errors.map(([call, code]) => `error ${call} ${code}`)
    ];
    const listed = cards.map(({ name, uuid }, at) => `GPU ${at}: ${name} (UUID: ${uuid})\n`);
    writeFileSync(`${this._state}.list`, listed.join(''));
    writeFileSync(`${this._state}.new`, `${lines.join('\n')}\n`);
    renameSync(`${this._state}.new`, this._state);
  }

  dispose(): void {
    rmSync(this._folder, { recursive: true, force: true });
  }

  private get _state(): string {
    return join(this._folder, 'gpus');
  }

  private readonly _folder: string;
}

function words(gpu: IGpu): string {
  return Object.entries(gpu)
    .map(([key, value]) => `${key}=${String(value).replaceAll(' ', '_')}`)
    .join(' ');
}
