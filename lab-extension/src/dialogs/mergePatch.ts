/** JSON Merge Patch, RFC 7396. Pure. */
import type { JsonValue } from '../api/types';
import { isObject } from './clusterForm';

/** What `target` becomes with `patch` merged into it: null takes away, objects go member by member. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) {
    return patch;
  }
  const merged: Record<string, JsonValue | undefined> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined) {
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a copy made here
      delete merged[name];
    } else {
      merged[name] = mergePatch(merged[name], value);
    }
  }
  return merged;
}
