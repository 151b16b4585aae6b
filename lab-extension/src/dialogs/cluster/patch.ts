/** What the fields about a cluster become when a fix changes options of the request. Pure. */
import type { JsonValue } from '../../api/types';
import type { IClusterForm, IVolumeRow } from '../clusterForm';
import { EMPTY_CLUSTER_FORM, isObject } from '../clusterForm';
import { mergePatch } from '../mergePatch';
import { fromText, toText } from './gpus';
import { formatSize } from './sizes';

/** Merge a patch of `cluster` into the fields; what has no field is kept beside them. */
export function patchCluster(form: IClusterForm, patch: JsonValue): IClusterForm {
  if (!isObject(patch)) {
    return { ...EMPTY_CLUSTER_FORM, kind: form.kind };
  }
  let patched = form;
  for (const [name, value] of Object.entries(patch)) {
    const write = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    patched = {
      ...patched,
      ...(write
        ? write(value ?? null, patched)
        : { other: mergePatch(patched.other, { [name]: value }) as IClusterForm['other'] })
    };
  }
  return patched;
}

type Write = (value: JsonValue, form: IClusterForm) => Partial<IClusterForm>;

const FIELDS: Readonly<Record<string, Write>> = {
  image: value => ({ image: text(value) }),
  cpu: value => ({ cpu: text(value) }),
  memory_bytes: value => ({ memory: size(value) }),
  shared_memory_bytes: value => ({ sharedMemory: size(value) }),
  gpu: (value, form) => ({ gpu: gpu(mergePatch({ ...fromText(form.gpu) }, value)) }),
  node_class: value => ({ nodeClass: text(value) }),
  queue: value => ({ queue: text(value) }),
  priority_class: value => ({ priorityClass: text(value) }),
  runtime: value => ({ runtime: text(value) }),
  install_packages: value => ({ installPackages: value !== false }),
  volumes: value => ({ volumes: Array.isArray(value) ? value.filter(isObject).map(volume) : [] })
};

function volume(row: Readonly<Record<string, JsonValue | undefined>>): IVolumeRow {
  return {
    claim: text(row.claim),
    path: text(row.path),
    subPath: text(row.sub_path),
    isReadOnly: row.read_only === true
  };
}

function gpu(value: JsonValue): string {
  return isObject(value) ? toText(value) : '';
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function size(value: JsonValue): string {
  return typeof value === 'number' ? formatSize(value) : '';
}
