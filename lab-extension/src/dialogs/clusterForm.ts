/**
 * What the fields about a cluster hold, as typed. Pure.
 *
 * What they mean is known by `cluster/`, which is fetched when a cluster is first chosen; this much is needed before,
 * so that what was chosen last time is not lost when it is not.
 */
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

/** A volume claim to be mounted. */
export interface IVolumeRow {
  readonly claim: string;
  readonly path: string;
  /** Folder in the claim; empty: all of it. */
  readonly subPath: string;
  readonly isReadOnly: boolean;
}

/** The fields about a cluster; empty is the server's own choice. */
export interface IClusterForm {
  readonly kind: string;
  readonly image: string;
  readonly cpu: string;
  readonly memory: string;
  readonly sharedMemory: string;
  /** Which GPUs, as `cluster/gpus.ts` writes it. */
  readonly gpu: string;
  readonly nodeClass: string;
  readonly queue: string;
  readonly priorityClass: string;
  readonly runtime: string;
  readonly installPackages: boolean;
  readonly volumes: readonly IVolumeRow[];
  /** Options without a field of their own, as they are sent: fixes may set any. */
  readonly other: ReadonlyPartialJSONObject;
}

/** Before anyone touched them. */
export const EMPTY_CLUSTER_FORM: IClusterForm = {
  kind: '',
  image: '',
  cpu: '',
  memory: '',
  sharedMemory: '',
  gpu: '',
  nodeClass: '',
  queue: '',
  priorityClass: '',
  runtime: '',
  installPackages: true,
  volumes: [],
  other: {}
};

const EMPTY_ROW: IVolumeRow = { claim: '', path: '', subPath: '', isReadOnly: false };

/** The fields that were remembered; whatever in it is missing or not understood is empty. */
export function rememberedCluster(remembered: unknown): IClusterForm {
  const { volumes, other } = (isObject(remembered) ? remembered : {}) as Record<string, unknown>;
  return {
    ...likeIn(EMPTY_CLUSTER_FORM, remembered),
    volumes: (Array.isArray(volumes) ? volumes : []).filter(isObject).map(row => likeIn(EMPTY_ROW, row)),
    other: isObject(other) ? other : {}
  };
}

/** The texts and ticks of `fresh`, with those of `remembered` that have the same type. */
function likeIn<T extends object>(fresh: T, remembered: unknown): T {
  const known = isObject(remembered) ? remembered : {};
  const same = Object.entries(fresh).filter(
    ([key, value]) => typeof value !== 'object' && typeof known[key] === typeof value
  );
  return { ...fresh, ...Object.fromEntries(same.map(([key]) => [key, known[key]])) };
}

/** Whether this is a JSON object. */
export function isObject(value: unknown): value is ReadonlyPartialJSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
