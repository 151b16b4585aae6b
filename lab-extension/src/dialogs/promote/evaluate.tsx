/** Has a version evaluated on a validation set as a job, beside the version that an alias is at. */
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';
import type { EngineInfo, Environment, EvaluationRequest, Job, RegisteredModel } from '../../api/types';
import { WindlassError } from '../../api/errors';
import type { Registry } from '../../model/registry';
import { registryOf } from '../../model/registry';
import type { IWindlass } from '../../tokens';
import { AskForm, openAskDialog } from '../ask';
import { ChoiceField, TextField } from '../field';

interface IEvaluateOptions {
  readonly windlass: IWindlass;
  readonly name: string;
  readonly version: string;
}

/** Ask, and start. The answer is the job, or null when there is none. */
export async function openEvaluateDialog(options: IEvaluateOptions): Promise<Job | null> {
  const { trans } = options.windlass;
  const form = new EvaluateForm(options);
  await form.remember();
  void form.load();
  return openAskDialog({
    title: trans.__('Evaluate version %1 of %2', options.version, options.name),
    accept: trans.__('Evaluate'),
    form,
    body: () => <Fields form={form} />,
    focus: '#jp-windlass-evaluate-data'
  });
}

type EvaluateFields =
  'data' | 'targets' | 'modelType' | 'against' | 'environment' | 'engine' | 'allowSecrets';

/** What is typed in the dialog. */
export class EvaluateForm extends AskForm<Job> {
  constructor(options: IEvaluateOptions) {
    super(options.windlass.trans);
    this._options = options;
    this._registry = registryOf(options.windlass);
  }

  data = '';
  targets = '';
  modelType = 'classifier';
  /** Alias of the version to compare with; empty: none. */
  against = '';
  /** Kernel spec name; empty: the server's default. */
  environment = '';
  /** Empty: the server's default. */
  engine = '';
  /** Send the data although they hold what looks like secrets. */
  allowSecrets = false;
  /** Whether the data were refused for what they hold. */
  isHeldBack = false;

  environments: readonly Environment[] = [];
  model: RegisteredModel | null = null;

  /** Where it can run; one is no choice. */
  get engines(): readonly EngineInfo[] {
    const engines = this._options.windlass.info.info?.engines ?? [];
    return engines.filter(({ available }) => available);
  }

  /** Aliases that are at another version. */
  get opponents(): readonly string[] {
    const aliases = Object.entries(this.model?.aliases ?? {});
    return aliases.filter(([, version]) => version !== this._options.version).map(([alias]) => alias);
  }

  get obstacle(): string | null {
    if (this.data.trim() === '') {
      return this.trans.__('A validation set is missing.');
    }
    return this.targets.trim() === '' ? this.trans.__('The column with the truth is missing.') : null;
  }

  set(change: Partial<Pick<this, EvaluateFields>>): void {
    Object.assign(this, change);
    this.emit();
  }

  /** Take what was asked for the last time, for this model. */
  async remember(): Promise<void> {
    const last = await this._store?.fetch(this._memory).catch(() => undefined);
    if (typeof last === 'object' && last !== null && !Array.isArray(last)) {
      const { data, targets, modelType } = last as ReadonlyPartialJSONObject;
      this.data = typeof data === 'string' ? data : '';
      this.targets = typeof targets === 'string' ? targets : '';
      this.modelType = modelType === 'regressor' ? 'regressor' : 'classifier';
    }
  }

  /** Learn what there is to choose from; without an answer the defaults hold. */
  async load(): Promise<void> {
    const { name, windlass } = this._options;
    const [page, found] = await Promise.all([
      this._registry.client.model(name, { limit: 1 }).catch(() => null),
      windlass.client.environments().catch(() => null)
    ]);
    this.model = page?.model ?? null;
    this.environments = found?.items ?? [];
    this.against = this.opponents.includes('champion') ? 'champion' : (this.opponents[0] ?? '');
    this.emit();
  }

  protected readonly shown = ['data', 'targets', 'model_type', 'against', 'environment', 'engine'];

  protected async ask(): Promise<Job> {
    const { data, targets, modelType } = this;
    const body: EvaluationRequest = {
      data: data.trim(),
      targets: targets.trim(),
      model_type: modelType,
      against: this.against || null,
      environment: this.environment || null,
      engine: this.engine || null,
      allow_secrets: this.allowSecrets
    };
    const job = await this._registry.evaluate(this._options.name, this._options.version, body);
    void this._store?.save(this._memory, { data, targets, modelType });
    return job;
  }

  protected override onRefused(error: unknown): void {
    this.isHeldBack = error instanceof WindlassError && error.problem?.type === 'windlass:bundle-refused';
  }

  private get _memory(): string {
    return `@windlass/lab-extension:evaluate:${this._options.name}`;
  }

  private get _store(): IStateDB | null {
    return this._options.windlass.store;
  }

  private readonly _options: IEvaluateOptions;
  private readonly _registry: Registry;
}

function Fields({ form }: { readonly form: EvaluateForm }): React.JSX.Element {
  const { trans } = form;
  return (
    <fieldset className="jp-WindlassGroup">
      <legend>{trans.__('Evaluation')}</legend>
      <DataFields form={form} />
      <ModelFields form={form} />
    </fieldset>
  );
}

function ModelFields({ form }: { readonly form: EvaluateForm }): React.JSX.Element {
  const { trans } = form;
  const types = [
    { value: 'classifier', label: trans.__('Classifier') },
    { value: 'regressor', label: trans.__('Regressor') }
  ];
  const opponents = form.opponents.map(alias => ({
    value: alias,
    label: trans.__('%1 (version %2)', alias, form.model?.aliases[alias] ?? '')
  }));
  const engines = form.engines.map(engine => ({ value: engine.name, label: engine.display_name }));
  const environments = form.environments.map(({ name, display_name: label }) => ({ value: name, label }));
  return (
    <>
      <ChoiceField
        id="jp-windlass-evaluate-type"
        label={trans.__('The model is a')}
        value={form.modelType}
        choices={types}
        error={form.refused.model_type}
        onChange={modelType => form.set({ modelType })}
      />
      <ChoiceField
        id="jp-windlass-evaluate-against"
        label={trans.__('Compare with')}
        value={form.against}
        choices={[...opponents, { value: '', label: trans.__('nothing') }]}
        error={form.refused.against}
        onChange={against => form.set({ against })}
      />
      <ChoiceField
        id="jp-windlass-evaluate-environment"
        label={trans.__('Environment')}
        value={form.environment}
        choices={[{ value: '', label: trans.__('the server’s default') }, ...environments]}
        help={trans.__('Its Python loads the model and needs MLflow and what the model needs.')}
        error={form.refused.environment}
        onChange={environment => form.set({ environment })}
      />
      {form.engines.length > 1 && (
        <ChoiceField
          id="jp-windlass-evaluate-engine"
          label={trans.__('Engine')}
          value={form.engine}
          choices={[{ value: '', label: trans.__('the server’s default') }, ...engines]}
          error={form.refused.engine}
          onChange={engine => form.set({ engine })}
        />
      )}
    </>
  );
}

function DataFields({ form }: { readonly form: EvaluateForm }): React.JSX.Element {
  const { trans } = form;
  return (
    <>
      <TextField
        id="jp-windlass-evaluate-data"
        label={trans.__('Validation set')}
        value={form.data}
        help={trans.__(
          'A CSV or Parquet file, relative to the folder that the file browser shows as its root.'
        )}
        error={form.refused.data}
        isCode
        isWide
        onChange={data => form.set({ data })}
      />
      <TextField
        id="jp-windlass-evaluate-targets"
        label={trans.__('Column with the truth')}
        value={form.targets}
        error={form.refused.targets}
        isCode
        onChange={targets => form.set({ targets })}
      />
      {(form.isHeldBack || form.allowSecrets) && (
        <label className="jp-WindlassFindings-allow jp-WindlassField jp-mod-wide">
          <input
            type="checkbox"
            className="jp-WindlassCheckbox"
            checked={form.allowSecrets}
            onChange={event => form.set({ allowSecrets: event.target.checked })}
          />
          {trans.__('Send the data although they hold what looks like secrets.')}
        </label>
      )}
    </>
  );
}
