/**
 * One HTTP request to the server half: typed JSON in and out, and every failure a `WindlassError`.
 *
 * It knows Jupyter's connection settings and problem bodies, and no resource: those are in `client.ts`.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { WindlassError } from './errors';
import type { Problem } from './types';

/** Where the REST interface lies under Jupyter's base address. */
export const API_ROOT = 'windlass/v1';

/** What a request may carry. */
export interface IRequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  body?: unknown;
  /** An array is a parameter that is repeated. */
  query?: Readonly<Record<string, string | number | readonly string[] | null | undefined>>;
  headers?: Readonly<Record<string, string>>;
}

/**
 * Ask the server half.
 *
 * @param settings - The application's own server settings.
 * @param path - The resource under `windlass/v1`, its parts already encoded.
 * @param options - The verb, body, query and headers.
 * @returns The parsed answer; undefined for an answer without content.
 * @throws {WindlassError} Whenever the answer is not a success.
 */
export async function request<T>(
  settings: ServerConnection.ISettings,
  path: string,
  options: IRequestOptions = {}
): Promise<T> {
  const url = URLExt.join(settings.baseUrl, API_ROOT, path) + encodeQuery(options.query);
  let response: Response;
  try {
    response = await ServerConnection.makeRequest(url, Private.toInit(options), settings);
  } catch (cause) {
    throw new WindlassError({ kind: 'offline', status: 0, message: 'No answer', cause });
  }
  if (!response.ok) {
    throw await Private.toError(response);
  }
  if (response.status === 204) {
    return undefined as T;
  }
  try {
    return (await response.json()) as T;
  } catch (cause) {
    // A hub that has stopped the server, or whose session has ended, answers with a page of its own.
    throw new WindlassError({
      kind: 'stopped',
      status: response.status,
      message: 'Not an answer of Windlass',
      cause
    });
  }
}

/** The query string for what is set, with its `?`; empty when nothing is. */
export function encodeQuery(query: IRequestOptions['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const item of Array.isArray(value) ? (value as readonly string[]) : [value]) {
      if (item !== null && item !== undefined && item !== '') {
        parameters.append(name, String(item));
      }
    }
  }
  const text = parameters.toString();
  return text && `?${text}`;
}

namespace Private {
  /** Statuses by which JupyterHub's proxy says that the user's server is not running. */
  const STOPPED = new Set([424, 503]);

  export function toInit(options: IRequestOptions): RequestInit {
    const init: RequestInit = { method: options.method ?? 'GET', headers: { ...options.headers } };
    if (options.body !== undefined) {
      init.body = JSON.stringify(options.body);
      init.headers = { ...options.headers, 'Content-Type': 'application/json' };
    }
    return init;
  }

  export async function toError(response: Response): Promise<WindlassError> {
    const { status } = response;
    const problem = await readProblem(response);
    const message = response.statusText || `Status ${status}`;
    return new WindlassError({ kind: toKind(status, problem), status, message, problem });
  }

  function toKind(status: number, problem: Problem | null): WindlassError.Kind {
    if (status === 401 || status === 403) {
      return 'forbidden';
    }
    if (problem) {
      return 'problem';
    }
    if (status === 404) {
      return 'absent';
    }
    return STOPPED.has(status) ? 'stopped' : 'problem';
  }

  async function readProblem(response: Response): Promise<Problem | null> {
    if (!response.headers.get('Content-Type')?.startsWith('application/problem+json')) {
      return null;
    }
    try {
      return toProblem(await response.json());
    } catch {
      return null;
    }
  }

  function toProblem(body: unknown): Problem | null {
    const problem = body as Partial<Problem> | null;
    if (typeof problem?.detail !== 'string') {
      return null;
    }
    const { detail, type = 'about:blank', title = '', status = 0, instance = null } = problem;
    return {
      type,
      title,
      status,
      detail,
      instance,
      fields: problem.fields ?? [],
      extra: problem.extra ?? {}
    };
  }
}
