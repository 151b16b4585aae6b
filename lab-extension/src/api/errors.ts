/**
 * What can go wrong between the browser and the server half, as one class that says what it means.
 *
 * It knows neither requests nor widgets: `request.ts` makes these errors, whoever shows one asks `toMessage`.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Problem } from './types';

/** A request that did not succeed. */
export class WindlassError extends Error {
  constructor(options: WindlassError.IOptions) {
    super(options.problem?.detail ?? options.message, { cause: options.cause });
    this.name = 'WindlassError';
    this.status = options.status;
    this.kind = options.kind;
    this.problem = options.problem ?? null;
  }

  /** The HTTP status, 0 when there was no answer. */
  readonly status: number;

  readonly kind: WindlassError.Kind;

  /** The server half's own explanation, when it was the server half that answered. */
  readonly problem: Problem | null;

  /** What the server half says about one field of the request, or null. */
  fieldMessage(field: string): string | null {
    return this.problem?.fields.find(item => item.field === field)?.message ?? null;
  }
}

/** A namespace for `WindlassError` statics. */
export namespace WindlassError {
  /**
   * - `absent`: Jupyter answers, but Windlass' server half is not there.
   * - `forbidden`: the user may not do this, or is no longer signed in.
   * - `offline`: no answer at all.
   * - `stopped`: a hub answers that the user's server is not running.
   * - `problem`: the server half refused or failed, and said why.
   */
  export type Kind = 'absent' | 'forbidden' | 'offline' | 'stopped' | 'problem';

  /** The options of a `WindlassError`. */
  export interface IOptions {
    kind: Kind;
    status: number;
    message: string;
    problem?: Problem | null;
    cause?: unknown;
  }
}

/** What was thrown, as a `WindlassError`; what is not one is a failure of this front end. */
export function toWindlassError(cause: unknown): WindlassError {
  if (cause instanceof WindlassError) {
    return cause;
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new WindlassError({ kind: 'problem', status: 0, message, cause });
}

/** Whether both would be told to people in the same words. */
export function sameProblem(one: WindlassError | null, other: WindlassError | null): boolean {
  return one?.kind === other?.kind && one?.status === other?.status && one?.message === other?.message;
}

/** A sentence for people about anything that was thrown. */
export function toMessage(error: unknown, trans: TranslationBundle): string {
  if (!(error instanceof WindlassError)) {
    return error instanceof Error ? error.message : String(error);
  }
  if (error.problem) {
    return error.problem.detail;
  }
  switch (error.kind) {
    case 'absent':
      return trans.__(
        "Windlass' server half is not running in this Jupyter server. Install it there with “pip install windlass”, then restart the server; “jupyter server extension list” shows whether it is enabled."
      );
    case 'forbidden':
      return trans.__(
        'You are not allowed to do this, or your sign-in has ended. Reload the page to sign in again.'
      );
    case 'offline':
      return trans.__('The Jupyter server does not answer. Windlass keeps trying.');
    case 'stopped':
      return trans.__('Your server has been stopped. Start it again from the hub; your jobs are not lost.');
    case 'problem':
      return error.status > 0
        ? trans.__('The server failed with status %1. Its log says more.', error.status)
        : error.message;
  }
}
