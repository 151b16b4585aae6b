import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readTar } from '../../../pages/run/sent/tar';

describe('a tar archive', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tar-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const pack = (files: Record<string, string>): Uint8Array => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, 'in', path)), { recursive: true });
      writeFileSync(join(folder, 'in', path), text);
    }
    const names = Object.keys(files);
    execFileSync('tar', ['--format=pax', '-cf', join(folder, 'a.tar'), '-C', join(folder, 'in'), ...names]);
    return new Uint8Array(readFileSync(join(folder, 'a.tar')));
  };

  it('tells every file with its bytes, also with names that are long or not ASCII', () => {
    const long = `${'deep/'.repeat(40)}file.py`;
    const files = { 'manifest.json': '{}', [long]: 'x = 1\n', 'Übung 🚀.ipynb': 'é', 'empty.txt': '' };
    const read = readTar(pack(files)).map(({ path, data }) => [path, new TextDecoder().decode(data)]);
    expect(Object.fromEntries(read)).toEqual(files);
  });

  it('ends where it is cut off, or is none', () => {
    const archive = pack({ 'a.txt': 'a', 'b.txt': 'b' });
    for (let end = 0; end < archive.length; end += 256) {
      const names = readTar(archive.subarray(0, end)).map(({ path }) => path);
      expect(names).toEqual(['a.txt', 'b.txt'].slice(0, names.length));
    }
    expect(readTar(new TextEncoder().encode('not a tar archive'.repeat(100)))).toEqual([]);
    expect(readTar(new Uint8Array())).toEqual([]);
  });
});
