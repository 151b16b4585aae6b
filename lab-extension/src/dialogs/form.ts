/**
 * What the submit dialog's fields hold, as typed, and what of it is worth remembering for the next time. Pure.
 */
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { JsonValue } from '../api/types';
import type { IClusterForm } from './clusterForm';
import { EMPTY_CLUSTER_FORM, rememberedCluster } from './clusterForm';
import type { FieldValue } from './parameters';

/** The fields of the submit dialog; numbers are what was typed, and may be no numbers. */
export interface ISubmitForm {
  readonly name: string;
  /** Empty: the server's default. */
  readonly engine: string;
  readonly workers: string;
  readonly processesPerWorker: string;
  readonly gpusPerWorker: string;
  /** Kernel spec name; empty: the notebook's own. */
  readonly environment: string;
  readonly experiment: string;
  readonly timeLimit: string;
  readonly retries: string;
  /** Only parameters that were touched. */
  readonly parameters: Readonly<Record<string, FieldValue>>;
  /** Patterns, one in a line. */
  readonly include: string;
  readonly exclude: string;
  readonly allowSecrets: boolean;
  /** Counts when the engine is a cluster. */
  readonly cluster: IClusterForm;
}

/** A field of the form that holds one text. */
export type TextField = Exclude<keyof ISubmitForm, 'parameters' | 'allowSecrets' | 'cluster'>;

/** The form before anyone touched it. */
export const EMPTY_FORM: ISubmitForm = {
  name: '',
  engine: '',
  workers: '1',
  processesPerWorker: '1',
  gpusPerWorker: '0',
  environment: '',
  experiment: '',
  timeLimit: '',
  retries: '0',
  parameters: {},
  include: '',
  exclude: '',
  allowSecrets: false,
  cluster: EMPTY_CLUSTER_FORM
};

/** Parameters whose names say that they are nobody's business are not remembered. */
const SECRET_NAME = /secret|token|passw|credential|api_?key|private/i;

/** What to remember of a form: never leave to send secrets, and no secrets. */
export function toMemory(form: ISubmitForm): ReadonlyPartialJSONObject {
  const known = Object.entries(form.parameters).filter(([name]) => !SECRET_NAME.test(name));
  const cluster = { ...form.cluster, volumes: form.cluster.volumes.map(row => ({ ...row })) };
  return { ...form, parameters: Object.fromEntries(known), allowSecrets: false, cluster };
}

/** The form that was remembered; whatever in it is missing or not understood is as in `fresh`. */
export function fromMemory(remembered: JsonValue | undefined, fresh: ISubmitForm): ISubmitForm {
  if (typeof remembered !== 'object' || remembered === null || Array.isArray(remembered)) {
    return fresh;
  }
  const form: Record<string, unknown> = { ...fresh };
  for (const [key, value] of Object.entries(remembered)) {
    if (key !== 'allowSecrets' && typeof value === 'string' && typeof form[key] === 'string') {
      form[key] = value;
    }
  }
  const { parameters, cluster } = remembered as ReadonlyPartialJSONObject;
  form.parameters = rememberedParameters(parameters);
  form.cluster = rememberedCluster(cluster);
  return form as unknown as ISubmitForm;
}

function rememberedParameters(remembered: unknown): Record<string, FieldValue> {
  const entries = typeof remembered === 'object' && remembered !== null ? Object.entries(remembered) : [];
  return Object.fromEntries(
    entries.filter(
      (entry): entry is [string, FieldValue] => typeof entry[1] === 'string' || typeof entry[1] === 'boolean'
    )
  );
}

/** A record without one of its keys. */
export function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

/** A record without a key and all that lie under it: `a` takes `a.b` along. */
export function withoutUnder<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).filter(([name]) => name !== key && !name.startsWith(`${key}.`))
  );
}
