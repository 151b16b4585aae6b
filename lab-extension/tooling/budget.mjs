/**
 * Fails when the built extension is larger than promised: what JupyterLab fetches at start-up, and all of it.
 *
 * Sizes are of the files as they lie on disk, uncompressed; build with `npm run build:prod` first. The budgets stand in
 * budget.json, which benchmarks/frontend_bytes.py reads too. That of all was 200 kB before there were clusters (some 30 kB)
 * and experiments, runs, their comparison and models (some 230 kB, and uPlot's 53 kB, which draws 2,000 lines in half a
 * second), GPUs (some 35 kB) and money (some 45 kB): each is fetched when it is first looked at.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const BUDGET_BYTES = JSON.parse(readFileSync(join(here, 'budget.json'), 'utf8'));

const root = dirname(dirname(here));
const folder = join(root, 'server_ext', 'windlass', 'labextension', 'static');
const files = new Map(
  readdirSync(folder)
    .filter(name => name.endsWith('.js') && name !== 'style.js')
    .map(name => [name, statSync(join(folder, name)).size])
);
const entry = [...files.keys()].find(name => name.startsWith('remoteEntry.'));
if (!entry) {
  throw new Error(`There is no built extension in ${folder}: run “npm run build:prod”.`);
}
const atStart = [entry, ...chunksOfIndex(readFileSync(join(folder, entry), 'utf8'))];
const bytes = { start: sum(atStart), all: sum([...files.keys()]) };

for (const [name, budget] of Object.entries(BUDGET_BYTES)) {
  const verdict = bytes[name] <= budget ? 'within' : 'OVER';
  process.stdout.write(
    `${name.padEnd(6)} ${kilobytes(bytes[name])}, ${verdict} the budget of ${kilobytes(budget)}\n`
  );
  process.exitCode ||= bytes[name] <= budget ? 0 : 1;
}
process.stdout.write(
  `start is ${atStart.map(name => `${name} (${kilobytes(files.get(name))})`).join(' + ')}\n`
);

/** The files that the entry fetches for `./index`, JupyterLab's one way in. */
function chunksOfIndex(source) {
  const [, loading] = /["']\.\/index["']:(.*?)(?:,\s*["']\.\/|\}[;,)])/s.exec(source) ?? [];
  const ids = [...(loading ?? '').matchAll(/\.e\(["']?(\w+)["']?\)/g)].map(match => match[1]);
  const names = ids.map(id => [...files.keys()].find(name => name.startsWith(`${id}.`)));
  if (ids.length === 0 || names.includes(undefined)) {
    throw new Error('The entry is not as expected: which files it fetches at start-up is not known.');
  }
  return names;
}

function sum(names) {
  return names.reduce((total, name) => total + files.get(name), 0);
}

function kilobytes(count) {
  return `${(count / 1000).toFixed(1)} kB`;
}
