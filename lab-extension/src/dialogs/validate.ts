/**
 * From what was typed in the submit dialog to a request, or to what is wrong with it, field by field.
 *
 * Errors are keyed by the names that the server uses for fields, `parameters.lr` for a parameter, so that its own
 * complaints land in the same places. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ClusterOptions, JobRequest, JsonValue, ParameterField } from '../api/types';
import type { IClusterForm } from './clusterForm';
import type { ISubmitForm } from './form';
import { parseParameter } from './parameters';

/** What is wrong, by field name of the request. */
export type FieldErrors = Readonly<Record<string, string>>;

/** The outcome: a request, when there is nothing wrong. */
export interface IValidation {
  readonly request: JobRequest | null;
  readonly errors: FieldErrors;
}

/** The fields about a cluster, read. */
export interface IClusterReading {
  readonly kind: string | null;
  readonly options: ClusterOptions;
  readonly errors: FieldErrors;
}

/** What a form is validated against. */
export interface IValidationContext {
  readonly notebook: string;
  /** The notebook's parameters; null while they are not known: then none are sent. */
  readonly parameters: readonly ParameterField[] | null;
  /** Reads the fields about a cluster; null where there is none: then they are not sent. */
  readonly readCluster?: ((form: IClusterForm, trans: TranslationBundle) => IClusterReading) | null;
  readonly trans: TranslationBundle;
}

const LONGEST_LIMIT_SECONDS = 60 * 24 * 60 * 60;
const MOST_PATTERNS = 200;

/** Check a form. */
export function validate(form: ISubmitForm, context: IValidationContext): IValidation {
  const check = new Check(context.trans);
  const cluster = context.readCluster?.(form.cluster, context.trans) ?? null;
  Object.assign(check.errors, cluster?.errors);
  const request: JobRequest = {
    notebook: context.notebook,
    name: check.text('name', form.name, 200),
    engine: form.engine || null,
    workers: check.integer('workers', form.workers, 1, 1024),
    processes_per_worker: check.integer('processes_per_worker', form.processesPerWorker, 1, 128),
    gpus_per_worker: check.integer('gpus_per_worker', form.gpusPerWorker, 0, 128),
    parameters: check.parameters(form, context.parameters ?? []),
    environment: form.environment || null,
    include: check.patterns('include', form.include),
    exclude: check.patterns('exclude', form.exclude),
    time_limit_seconds: check.timeLimit(form.timeLimit),
    retries: check.integer('retries', form.retries, 0, 100),
    experiment: check.text('experiment', form.experiment, 250),
    allow_secrets: form.allowSecrets,
    ...(cluster && { kind: cluster.kind, cluster: cluster.options })
  };
  return { request: Object.keys(check.errors).length === 0 ? request : null, errors: check.errors };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** Seconds of a duration such as `90m`, `1.5h` or `1d 12h`; null when it is none. */
export function parseDuration(text: string): number | null {
  const parts = text.trim().toLowerCase();
  if (!/^(\d+(\.\d+)?\s*(s|min|m|h|d)\s*)+$/.test(parts)) {
    return null;
  }
  let seconds = 0;
  for (const [, amount, unit] of parts.matchAll(/(\d+(?:\.\d+)?)\s*(s|min|m|h|d)/g)) {
    seconds += Number(amount) * (UNIT_SECONDS[unit ?? ''] ?? 0);
  }
  return Math.round(seconds);
}

/** Reads fields, and collects what is wrong with them. */
class Check {
  constructor(private readonly _trans: TranslationBundle) {}

  readonly errors: Record<string, string> = {};

  text(field: string, entered: string, longest: number): string | null {
    const text = entered.trim();
    if (text.length > longest) {
      this.errors[field] = this._trans.__('At most %1 characters, please.', longest);
    }
    return text || null;
  }

  integer(field: string, entered: string, least: number, most: number): number {
    const text = entered.trim();
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      this.errors[field] = this._trans.__('Enter a whole number from %1 to %2.', least, most);
    }
    return value;
  }

  patterns(field: string, entered: string): string[] {
    const patterns = entered
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '');
    if (patterns.length > MOST_PATTERNS) {
      this.errors[field] = this._trans.__('At most %1 patterns, please.', MOST_PATTERNS);
    }
    return patterns;
  }

  timeLimit(entered: string): number | null {
    if (entered.trim() === '') {
      return null;
    }
    const seconds = parseDuration(entered);
    if (seconds === null) {
      this.errors.time_limit_seconds = this._trans.__(
        'Enter a duration with its unit, such as 90m, 2h or 1d.'
      );
    } else if (seconds < 1 || seconds > LONGEST_LIMIT_SECONDS) {
      this.errors.time_limit_seconds = this._trans.__('Enter a duration from 1s to 60d.');
    }
    return seconds;
  }

  parameters(form: ISubmitForm, fields: readonly ParameterField[]): Record<string, JsonValue> {
    const values: Record<string, JsonValue> = {};
    for (const field of fields) {
      const entered = form.parameters[field.name];
      if (entered === undefined) {
        continue;
      }
      const parsed = parseParameter(field, entered, this._trans);
      if (parsed.problem === undefined) {
        values[field.name] = parsed.value;
      } else {
        this.errors[`parameters.${field.name}`] = parsed.problem;
      }
    }
    return values;
  }
}
