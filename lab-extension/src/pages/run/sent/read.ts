/** What was sent for a run's job, read in the browser from the bundle itself: nothing is more exact. */
import type { ExperimentsClient } from '../../../api/experiments';
import type { Job } from '../../../api/types';
import type { ITarFile } from './tar';
import { readTar } from './tar';

/** A larger bundle is only to be downloaded. */
export const MOST_BYTES = 64_000_000;

const MANIFEST = 'manifest.json';

/** What was sent. */
export interface ISent {
  /** The manifest first. */
  readonly files: readonly ITarFile[];
  /** null: the manifest names none. */
  readonly notebook: string | null;
  readonly parameters: Job['parameters'];
}

/** A bundle that is too large to be shown. */
export class TooLarge extends Error {}

/**
 * Read the bundle of a run.
 *
 * @throws {TooLarge} When it is more than `MOST_BYTES`, unpacked.
 * @throws {Error} When there is none, or it cannot be read.
 */
export async function readSent(client: ExperimentsClient, runId: string): Promise<ISent> {
  const response = await client.bytes(`runs/${encodeURIComponent(runId)}/bundle`);
  if (!response.body) {
    return { files: [], notebook: null, parameters: {} };
  }
  const unpacked = await collect(response.body.pipeThrough(new DecompressionStream('gzip')));
  const files = readTar(unpacked);
  return { files, ...readManifest(files.find(({ path }) => path === MANIFEST)) };
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    length += part.value.length;
    if (length > MOST_BYTES) {
      await reader.cancel();
      throw new TooLarge();
    }
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function readManifest(file: ITarFile | undefined): Pick<ISent, 'notebook' | 'parameters'> {
  try {
    const manifest = JSON.parse(new TextDecoder().decode(file?.data)) as Partial<Record<string, unknown>>;
    const { notebook, parameters } = manifest;
    const isRecord = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters);
    return {
      notebook: typeof notebook === 'string' ? notebook : null,
      parameters: isRecord ? (parameters as Job['parameters']) : {}
    };
  } catch {
    return { notebook: null, parameters: {} };
  }
}
