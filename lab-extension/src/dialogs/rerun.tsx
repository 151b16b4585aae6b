/**
 * Asks for other parameters, and runs the code of an earlier job again with them.
 *
 * The fields are those of the job as it was sent; what the notebook has as parameters today is offered beside them,
 * when it can be read.
 */
import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import * as React from 'react';
import '../../style/components.css';
import '../../style/controls.css';
import '../../style/dialogs.css';
import { toMessage, WindlassError } from '../api/errors';
import type { Job, JsonValue, ParameterField } from '../api/types';
import { useSignal } from '../components/useSignal';
import type { IWindlass } from '../tokens';
import { without } from './form';
import { Parameter } from './parameterFields';
import type { FieldValue } from './parameters';
import { parseParameter } from './parameters';

interface IRerunOptions {
  readonly windlass: IWindlass;
  /** What was sent then. */
  readonly job: Pick<Job, 'name' | 'notebook' | 'parameters'>;
  /** Sends it again with these parameters. */
  readonly send: (parameters: Record<string, JsonValue>) => Promise<Job>;
}

/** Ask, and run again. The answer is the new job, or null when there is none. */
export async function openRerunDialog(options: IRerunOptions): Promise<Job | null> {
  const fields = await parameterFields(options);
  const dialog = new RerunDialog({ ...options, fields });
  await dialog.launch();
  return dialog.again;
}

/** The parameters a rerun can have, with the job's own values as defaults. */
async function parameterFields({ windlass, job }: IRerunOptions): Promise<ParameterField[]> {
  const today = await windlass.client.preview({ notebook: job.notebook }).then(
    preview => preview.parameters,
    () => []
  );
  const known = new Map(today.map(field => [field.name, field]));
  for (const [name, value] of Object.entries(job.parameters)) {
    const field = known.get(name) ?? { name, type: typeOf(value), help: null };
    known.set(name, { ...field, default: value, value, default_source: JSON.stringify(value) });
  }
  return [...known.values()];
}

function typeOf(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    case 'string':
      return 'str';
    default:
      return Array.isArray(value) ? 'list' : value === null ? 'none' : 'dict';
  }
}

/** What is typed in the dialog, and what became of it. */
class RerunForm {
  constructor(private readonly _options: IRerunOptions & { readonly fields: readonly ParameterField[] }) {}

  readonly changed = new Signal<this, void>(this);
  entered: Readonly<Record<string, FieldValue>> = {};
  problem: string | null = null;
  refused: Readonly<Record<string, string>> = {};

  set(name: string, value: FieldValue | undefined): void {
    const others = without(this.entered, name);
    this.entered = value === undefined ? others : { ...others, [name]: value };
    this.refused = without(this.refused, `parameters.${name}`);
    this.changed.emit();
  }

  /** Run again; null when that was refused, and then it is said why. Two calls at once make one job. */
  async send(): Promise<Job | null> {
    const parameters = this._read();
    if (!parameters || this._isSending) {
      return null;
    }
    this._isSending = true;
    try {
      return await this._options.send(parameters);
    } catch (error) {
      const fields = error instanceof WindlassError ? (error.problem?.fields ?? []) : [];
      this.refused = Object.fromEntries(fields.map(({ field, message }) => [field, message]));
      this.problem = toMessage(error, this._options.windlass.trans);
      return null;
    } finally {
      this._isSending = false;
      this.changed.emit();
    }
  }

  private _read(): Record<string, JsonValue> | null {
    const { fields, job, windlass } = this._options;
    const values: Record<string, JsonValue> = { ...(job.parameters as Record<string, JsonValue>) };
    const refused: Record<string, string> = {};
    for (const field of fields) {
      const entered = this.entered[field.name];
      const parsed = entered === undefined ? null : parseParameter(field, entered, windlass.trans);
      if (parsed?.problem !== undefined) {
        refused[`parameters.${field.name}`] = parsed.problem;
      } else if (parsed) {
        values[field.name] = parsed.value;
      }
    }
    this.refused = refused;
    this.problem = null;
    this.changed.emit();
    return Object.keys(refused).length === 0 ? values : null;
  }

  private _isSending = false;
}

/** The dialog; `again` is the new job. */
class RerunDialog extends Dialog<unknown> {
  constructor(options: IRerunOptions & { readonly fields: readonly ParameterField[] }) {
    const { trans } = options.windlass;
    const form = new RerunForm(options);
    super({
      title: trans.__('Run %1 again', options.job.name),
      body: ReactWidget.create(<RerunBody form={form} {...options} />),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })]
    });
    this.addClass('jp-WindlassSubmitDialog');
    this._form = form;
  }

  again: Job | null = null;

  override resolve(index = 1): void {
    if (index === 1) {
      void this._send();
    } else {
      super.resolve(index);
    }
  }

  private async _send(): Promise<void> {
    this.again = await this._form.send();
    if (this.again) {
      super.resolve(0);
    }
  }

  private readonly _form: RerunForm;
}

interface IRerunBodyProps extends IRerunOptions {
  readonly form: RerunForm;
  readonly fields: readonly ParameterField[];
}

function RerunBody({ form, fields, windlass }: IRerunBodyProps): React.JSX.Element {
  const { trans } = windlass;
  const entered = useSignal(form.changed, () => form.entered);
  const refused = useSignal(form.changed, () => form.refused);
  const problem = useSignal(form.changed, () => form.problem);
  return (
    <div className="jp-WindlassSubmit">
      <p className="jp-WindlassMuted">
        {trans.__('The code is the one that was sent then, whatever the notebook holds now.')}
      </p>
      {problem && (
        <div className="jp-WindlassBanner jp-mod-error" role="alert">
          {problem}
        </div>
      )}
      <fieldset className="jp-WindlassGroup">
        <legend>{trans.__('Parameters')}</legend>
        {fields.length === 0 && (
          <p className="jp-WindlassGroup-summary">{trans.__('This notebook has no parameters.')}</p>
        )}
        {fields.map(field => (
          <Parameter
            key={field.name}
            field={field}
            id={`jp-windlass-rerun-${field.name}`}
            entered={entered[field.name]}
            error={refused[`parameters.${field.name}`]}
            onChange={value => form.set(field.name, value)}
            trans={trans}
          />
        ))}
      </fieldset>
    </div>
  );
}
