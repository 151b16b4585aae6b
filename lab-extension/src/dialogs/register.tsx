/** Makes the model of a run a version of a registered model, after asking for its name. */
import * as React from 'react';
import type { ModelVersion, RegisteredModel } from '../api/types';
import type { IRegisterArgs } from '../commands';
import type { Registry } from '../model/registry';
import { registryOf } from '../model/registry';
import type { IWindlass } from '../tokens';
import { AskForm, openAskDialog } from './ask';
import { TextField } from './field';

/** What is asked about. */
export interface IRegisterOptions extends IRegisterArgs {
  readonly windlass: IWindlass;
}

/** Ask, and register. The answer is the new version, or null when there is none. */
export async function openRegisterDialog(options: IRegisterOptions): Promise<ModelVersion | null> {
  const { trans } = options.windlass;
  const form = new RegisterForm(options);
  form.lookUp();
  return openAskDialog({
    title: trans.__('Register model'),
    accept: trans.__('Register'),
    form,
    body: () => <Fields form={form} />,
    focus: `#${NAME_ID}`
  });
}

const NAME_ID = 'jp-windlass-register-name';
const LIST_ID = 'jp-windlass-register-names';

/** Names are looked up after so long without another key. */
const TYPING_MILLISECONDS = 200;
const MOST_SUGGESTED = 20;

/** What is typed in the dialog. */
export class RegisterForm extends AskForm<ModelVersion> {
  constructor(private readonly _options: IRegisterOptions) {
    super(_options.windlass.trans);
    this._registry = registryOf(_options.windlass);
  }

  name = '';
  description = '';

  /** Models whose names contain what was typed. */
  suggested: readonly RegisteredModel[] = [];

  /** The model that the version will belong to; null: not known, or there is none of that name yet. */
  get known(): RegisteredModel | null {
    return this.suggested.find(model => model.name === this.name.trim()) ?? null;
  }

  get obstacle(): string | null {
    const name = this.name.trim();
    if (name === '') {
      return this.trans.__('A name is missing.');
    }
    return /[/:]/.test(name) ? this.trans.__('A model’s name has no “/” and no “:”.') : null;
  }

  setName(name: string): void {
    this.name = name;
    this.refused = {};
    window.clearTimeout(this._typing);
    this._typing = window.setTimeout(() => this.lookUp(), TYPING_MILLISECONDS);
    this.emit();
  }

  setDescription(description: string): void {
    this.description = description;
    this.emit();
  }

  /** Learn which models there are of this name. Without an answer nothing is suggested. */
  lookUp(): void {
    const q = this.name.trim();
    void this._registry.client.models({ q, limit: MOST_SUGGESTED }).then(
      ({ items }) => {
        if (q === this.name.trim()) {
          this.suggested = items;
          this.emit();
        }
      },
      () => undefined
    );
  }

  protected readonly shown = ['name', 'description'];

  protected async ask(): Promise<ModelVersion> {
    const { runId, modelId, path } = this._options;
    return this._registry.register({
      name: this.name.trim(),
      run_id: runId,
      model_id: modelId,
      path: modelId === null ? path : null,
      description: this.description.trim() || null
    });
  }

  private readonly _registry: Registry;
  private _typing = 0;
}

function Fields({ form }: { readonly form: RegisterForm }): React.JSX.Element {
  const { trans, known } = form;
  const becomes =
    known === null
      ? trans.__('A model of this name is made when there is none yet.')
      : trans.__(
          'It becomes the next version of %1, whose newest is %2.',
          known.name,
          known.latest_version ?? '0'
        );
  return (
    <fieldset className="jp-WindlassGroup">
      <legend>{trans.__('Registered model')}</legend>
      <TextField
        id={NAME_ID}
        label={trans.__('Name')}
        value={form.name}
        help={form.name.trim() === '' ? trans.__('An existing model, or a new name.') : becomes}
        error={form.refused.name}
        listId={LIST_ID}
        isWide
        onChange={name => form.setName(name)}
      />
      <datalist id={LIST_ID}>
        {form.suggested.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <TextField
        id="jp-windlass-register-description"
        label={trans.__('Description')}
        value={form.description}
        help={trans.__('What this version is, for those who choose between versions. Can be changed later.')}
        error={form.refused.description}
        rows={3}
        isWide
        onChange={description => form.setDescription(description)}
      />
    </fieldset>
  );
}
