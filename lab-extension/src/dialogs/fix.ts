/**
 * A finding's fix, which is a patch of the request (RFC 7396), merged into what was typed.
 *
 * Whatever the fix does not name stays as it was typed, also where it is no valid value. Pure.
 */
import type { JsonValue, ParameterField } from '../api/types';
import type { IClusterForm } from './clusterForm';
import { isObject } from './clusterForm';
import { REQUEST_NAMES } from './fields';
import type { ISubmitForm, TextField } from './form';
import { EMPTY_FORM, without } from './form';
import type { FieldValue } from './parameters';
import { toFieldValue } from './parameters';

/** A fix as the server sends it. */
export type Fix = Readonly<Record<string, unknown>>;

/** What a fix is applied with. */
export interface IFixContext {
  readonly parameters: readonly ParameterField[];
  /** Merges what is about the cluster; null where that is not known: then it is left out. */
  readonly patchCluster: ((form: IClusterForm, patch: JsonValue) => IClusterForm) | null;
}

/** Names in requests, and the form's texts that hold them. */
const TEXTS = new Map(
  (Object.entries(REQUEST_NAMES) as [TextField, string][]).map(([field, name]) => [name, field])
);

/** Whether the form has a place for all that a fix changes. Leave to send secrets is the user's alone. */
export function canApply(fix: Fix): boolean {
  const names = Object.keys(fix);
  return (
    names.length > 0 &&
    names.every(name => TEXTS.has(name) || name === 'parameters' || name === 'kind' || name === 'cluster')
  );
}

/** The form with a fix merged into it. */
export function applyFix(form: ISubmitForm, fix: Fix, context: IFixContext): ISubmitForm {
  let fixed = form;
  for (const [name, entry] of Object.entries(fix)) {
    const value = (entry ?? null) as JsonValue;
    const field = TEXTS.get(name);
    if (field) {
      fixed = { ...fixed, [field]: toText(field, value) };
    } else if (name === 'parameters') {
      fixed = { ...fixed, parameters: patchParameters(fixed.parameters, value, context.parameters) };
    } else if (name === 'kind') {
      fixed = { ...fixed, cluster: { ...fixed.cluster, kind: typeof value === 'string' ? value : '' } };
    } else if (name === 'cluster' && context.patchCluster) {
      fixed = { ...fixed, cluster: context.patchCluster(fixed.cluster, value) };
    }
  }
  return fixed;
}

function toText(field: TextField, value: JsonValue): string {
  if (Array.isArray(value)) {
    return value.map(item => toText(field, item as JsonValue)).join('\n');
  }
  if (typeof value === 'number') {
    return field === 'timeLimit' ? formatLimit(value) : String(value);
  }
  return typeof value === 'string' ? value : EMPTY_FORM[field];
}

/** Whole seconds as they are typed: `2h`, `90m`, `45s`. */
function formatLimit(seconds: number): string {
  const [size, unit] = (
    [
      [86_400, 'd'],
      [3600, 'h'],
      [60, 'm']
    ] as const
  ).find(([size]) => seconds % size === 0) ?? [1, 's'];
  return `${seconds / size}${unit}`;
}

function patchParameters(
  entered: ISubmitForm['parameters'],
  patch: JsonValue,
  fields: readonly ParameterField[]
): Record<string, FieldValue> {
  let patched: Record<string, FieldValue> = isObject(patch) ? { ...entered } : {};
  for (const [name, value] of Object.entries(isObject(patch) ? patch : {})) {
    const field = fields.find(candidate => candidate.name === name);
    patched = without(patched, name);
    if (field && value !== null && value !== undefined) {
      patched = { ...patched, [name]: toFieldValue(field, value) };
    }
  }
  return patched;
}
