/** From the fields about a cluster to options of a request, or to what is wrong with them, field by field. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ClusterOptions } from '../../api/types';
import type { IClusterForm, IVolumeRow } from '../clusterForm';
import type { IClusterReading } from '../validate';
import { fromText } from './gpus';
import { parseCpu, parseSize } from './sizes';

const MEBIBYTE = 2 ** 20;
const MOST_CORES = 1024;
const MEMORY = { least: 16 * MEBIBYTE, most: 64 * 2 ** 40, example: '16Mi' };
const SHARED_MEMORY = { least: MEBIBYTE, most: 16 * 2 ** 40, example: '1Mi' };

/** As the server's own rule has it: nothing that could mean something to a shell or in a manifest. */
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/;

/** Check the fields. */
export function readCluster(form: IClusterForm, trans: TranslationBundle): IClusterReading {
  const errors: Record<string, string> = {};
  const size = (field: string, text: string, range: typeof MEMORY): number | null => {
    if (text.trim() === '') {
      return null;
    }
    const bytes = parseSize(text);
    if (bytes === null) {
      errors[`cluster.${field}`] = trans.__('Enter a size with its unit, such as 512Mi or 32Gi.');
    } else if (bytes < range.least || bytes > range.most) {
      errors[`cluster.${field}`] = trans.__(
        'Enter at least %1, and no more than any node has.',
        range.example
      );
    }
    return bytes;
  };
  const image = form.image.trim();
  if (image && !IMAGE.test(image)) {
    errors['cluster.image'] = trans.__('Enter an image such as registry.example.com/team/train:1.2.');
  }
  const options: ClusterOptions = {
    ...form.other,
    image: image || null,
    cpu: readCpu(form.cpu, errors, trans),
    memory_bytes: size('memory_bytes', form.memory, MEMORY),
    shared_memory_bytes: size('shared_memory_bytes', form.sharedMemory, SHARED_MEMORY),
    gpu: fromText(form.gpu),
    node_class: nodeClass(form.nodeClass),
    queue: form.queue || null,
    priority_class: form.priorityClass || null,
    runtime: form.runtime || null,
    volumes: form.volumes.map((row, at) => readVolume(row, at, errors, trans)),
    install_packages: form.installPackages
  };
  checkPaths(form.volumes, errors, trans);
  return { kind: form.kind || null, options, errors };
}

function readCpu(text: string, errors: Record<string, string>, trans: TranslationBundle): number | null {
  if (text.trim() === '') {
    return null;
  }
  const cores = parseCpu(text);
  if (cores === null || cores <= 0 || cores > MOST_CORES) {
    errors['cluster.cpu'] = trans.__('Enter a number of cores, such as 4, 0.5 or 500m.');
  }
  return cores;
}

function nodeClass(text: string): ClusterOptions['node_class'] {
  return text === 'spot' || text === 'on-demand' ? text : null;
}

type Volume = NonNullable<ClusterOptions['volumes']>[number];

function readVolume(
  row: IVolumeRow,
  at: number,
  errors: Record<string, string>,
  trans: TranslationBundle
): Volume {
  const path = row.path.trim();
  const claim = row.claim.trim();
  if (!claim) {
    errors[`cluster.volumes.${at}.claim`] = trans.__('Name a volume claim.');
  }
  if (!/^\/[^:]+$/.test(path) || path.split('/').includes('..')) {
    errors[`cluster.volumes.${at}.path`] = trans.__('Enter an absolute path, such as /data.');
  }
  return { claim, path, sub_path: row.subPath || null, read_only: row.isReadOnly };
}

function checkPaths(
  volumes: readonly IVolumeRow[],
  errors: Record<string, string>,
  trans: TranslationBundle
): void {
  const taken = new Set<string>();
  for (const [at, row] of volumes.entries()) {
    const path = row.path.trim().replace(/\/+$/, '');
    if (taken.has(path)) {
      errors[`cluster.volumes.${at}.path`] ??= trans.__('Another volume is mounted there.');
    }
    taken.add(path);
  }
}
