/** Compiles and bundles again whenever a source changes, until interrupted. */
import { spawn } from 'node:child_process';

const parts = [
  ['tsc', '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'],
  [process.execPath, 'tooling/labextension.mjs', '--development', '--source-map', '--watch']
].map(([command, ...args]) => spawn(command, args, { stdio: 'inherit' }));

for (const part of parts) {
  part.on('exit', code => {
    parts.forEach(other => other.kill());
    process.exitCode ||= code ?? 1;
  });
}
