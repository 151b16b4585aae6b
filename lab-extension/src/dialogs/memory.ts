/**
 * Remembers the last choices for each notebook, in JupyterLab's state database when there is one.
 *
 * What was typed and not sent yet is kept for this tab only, so that "Go to cell" and back loses nothing.
 */
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';
import type { ISubmitForm } from './form';
import { EMPTY_FORM, fromMemory, toMemory } from './form';

/** The part of JupyterLab's `IStateDB` that is needed. */
export interface IMemoryStore {
  fetch(id: string): Promise<ReadonlyPartialJSONValue | undefined>;
  save(id: string, value: ReadonlyPartialJSONValue): Promise<unknown>;
}

const drafts = new Map<string, ISubmitForm>();

/** What a form begins with where nothing is remembered: the user's settings. */
export interface IFormDefaults {
  readonly defaultEngine: string | null;
  readonly defaultWorkers: number;
  readonly defaultProcessesPerWorker: number;
}

/** The form to begin with: an unfinished one, else the last one that was sent, else one with the defaults. */
export async function recall(
  path: string,
  store: IMemoryStore | null,
  defaults: IFormDefaults
): Promise<ISubmitForm> {
  const fresh = {
    ...EMPTY_FORM,
    engine: defaults.defaultEngine ?? '',
    workers: String(defaults.defaultWorkers),
    processesPerWorker: String(defaults.defaultProcessesPerWorker)
  };
  const draft = drafts.get(path);
  if (draft || !store) {
    return draft ?? fresh;
  }
  try {
    return fromMemory(await store.fetch(key(path)), fresh);
  } catch {
    // A memory that cannot be read is an empty one.
    return fresh;
  }
}

/** Keep an unfinished form until the dialog is opened again. */
export function keepDraft(path: string, form: ISubmitForm): void {
  drafts.set(path, form);
}

/** Remember a form that was sent. */
export async function remember(path: string, form: ISubmitForm, store: IMemoryStore | null): Promise<void> {
  drafts.delete(path);
  try {
    await store?.save(key(path), toMemory(form));
  } catch {
    // The job was sent; next time the form begins empty.
  }
}

/** Have a form be the one to begin with the next time, also after a reload. */
export async function keepForNext(
  path: string,
  form: ISubmitForm,
  store: IMemoryStore | null
): Promise<void> {
  await remember(path, form, store);
  keepDraft(path, form);
}

function key(path: string): string {
  return `windlass-submit:${path}`;
}
