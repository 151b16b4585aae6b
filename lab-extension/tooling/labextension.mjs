/**
 * Bundles `lib/` into the prebuilt extension with JupyterLab's own builder.
 *
 * The builder's command wants the path of JupyterLab's package list, which Python's wrapper of it finds in an installed
 * JupyterLab. Node finds it here, so that the front end builds before there is any Python environment.
 *
 * Arguments are handed on: `--development`, `--source-map`, `--watch`.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const builder = dirname(require.resolve('@jupyter/builder/package.json'));
const fromBuilder = createRequire(join(builder, 'package.json'));
const corePackages = join(
  dirname(fromBuilder.resolve('@jupyterlab/core-meta/package.json')),
  'core.package.json'
);
const extension = dirname(dirname(fileURLToPath(import.meta.url)));

const { status } = spawnSync(
  process.execPath,
  [
    join(builder, 'lib', 'build-labextension.js'),
    '--core-package-file',
    corePackages,
    ...process.argv.slice(2),
    extension
  ],
  { stdio: 'inherit' }
);
process.exit(status ?? 1);
