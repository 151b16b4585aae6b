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
  const response = await Private.ask(settings, path, options);
  if (response.status === 204) {
    return undefined as T;
  }
  try {
    return (await response.json()) as T;
  } catch (cause) {
    throw Private.notOurs(response, cause);
  }
}

/**
 * Ask the server half for a text that is no JSON.
 *
 * @param settings - The application's own server settings.
 * @param path - The resource under `windlass/v1`, its parts already encoded.
 * @param type - The media type that is wanted; an answer of another one is not ours.
 * @param options - The query and headers.
 * @throws {WindlassError} Whenever the answer is not a success.
 */
export async function requestText(
  settings: ServerConnection.ISettings,
  path: string,
  type: string,
  options: Pick<IRequestOptions, 'query' | 'headers'> = {}
): Promise<string> {
  const headers = { ...options.headers, Accept: type };
  const response = await Private.ask(settings, path, { ...options, headers });
  if (!response.headers.get('Content-Type')?.startsWith(type)) {
    throw Private.notOurs(response);
  }
  return response.text();
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
  /** The answer, when it is a success. */
  export async function ask(
    settings: ServerConnection.ISettings,
    path: string,
    options: IRequestOptions
  ): Promise<Response> {
    const url = URLExt.join(settings.baseUrl, API_ROOT, path) + encodeQuery(options.query);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, toInit(options), settings);
    } catch (cause) {
      throw new WindlassError({ kind: 'offline', status: 0, message: 'No answer', cause });
    }
    if (!response.ok) {
      throw await toError(response);
    }
    return response;
  }

  /** A hub that has stopped the server, or whose session has ended, answers with a page of its own. */
  export function notOurs({ status }: Response, cause?: unknown): WindlassError {
    return new WindlassError({ kind: 'stopped', status, message: 'Not an answer of Windlass', cause });
  }

  /** Statuses by which JupyterHub's proxy says that the user's server is not running. */
  const STOPPED = new Set([424, 503]);

  function toInit(options: IRequestOptions): RequestInit {
    const init: RequestInit = { method: options.method ?? 'GET', headers: { ...options.headers } };
    if (options.body !== undefined) {
      init.body = JSON.stringify(options.body);
      init.headers = { ...options.headers, 'Content-Type': 'application/json' };
    }
    return init;
  }

  async function toError(response: Response): Promise<WindlassError> {
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
