/** The form for the notebook's parameters: one field for each, typed as the notebook has it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ParameterField } from '../api/types';
import { Field, TextField } from './field';
import type { SubmitModel } from './model';
import type { FieldValue } from './parameters';
import { controlOf, initialValue } from './parameters';
import type { IGroupProps } from './groupProps';

/** All parameters of the notebook. */
export function ParametersGroup({ model, idPrefix }: IGroupProps): React.JSX.Element {
  const { trans, preview } = model;
  return (
    <fieldset className="jp-WindlassGroup">
      <legend>{trans.__('Parameters')}</legend>
      {preview && preview.parameters.length > 0 ? (
        preview.parameters.map(field => (
          <Parameter
            key={field.name}
            field={field}
            id={`${idPrefix}-parameter-${field.name}`}
            entered={model.form.parameters[field.name]}
            error={model.errors[`parameters.${field.name}`]}
            onChange={value => model.setParameter(field.name, value)}
            trans={trans}
          />
        ))
      ) : (
        <p className="jp-WindlassGroup-summary">{noParameters(model)}</p>
      )}
    </fieldset>
  );
}

function noParameters({ preview, previewState, trans }: SubmitModel): string {
  if (preview) {
    return trans.__('This notebook has none. Tag a cell with “parameters”, and its assignments appear here.');
  }
  return previewState === 'error'
    ? trans.__('Not known: the notebook could not be read.')
    : trans.__('Loading…');
}

/** What the field of one parameter shows and does. */
export interface IParameterProps {
  readonly field: ParameterField;
  readonly id: string;
  /** What was typed; undefined: nothing, the default counts. */
  readonly entered: FieldValue | undefined;
  readonly error: string | undefined;
  /** Take what was typed; undefined goes back to the default. */
  readonly onChange: (value: FieldValue | undefined) => void;
  readonly trans: TranslationBundle;
}

/** The field of one parameter. */
export function Parameter(props: IParameterProps): React.JSX.Element {
  const { field, id, entered, error, onChange } = props;
  const value = entered ?? initialValue(field);
  const common = {
    id,
    label: <code id={`${id}-label`}>{field.name}</code>,
    help: field.help,
    error,
    aside: <ParameterAside {...props} />
  };
  const control = controlOf(field);
  if (control === 'checkbox') {
    return (
      <Field {...common}>
        {binding => (
          <input
            {...binding}
            type="checkbox"
            className="jp-WindlassCheckbox"
            checked={value === true}
            onChange={event => onChange(event.target.checked)}
          />
        )}
      </Field>
    );
  }
  return (
    <TextField
      {...common}
      value={String(value)}
      placeholder={field.default_source}
      isCode
      isWide={control === 'json' || control === 'text'}
      rows={control === 'json' || control === 'text' ? rowsOf(String(value)) : undefined}
      inputMode={field.type === 'int' ? 'numeric' : field.type === 'float' ? 'decimal' : undefined}
      onChange={onChange}
    />
  );
}

function rowsOf(text: string): number {
  return Math.min(8, Math.max(2, text.split('\n').length));
}

function ParameterAside({ field, id, entered, onChange, trans }: IParameterProps): React.JSX.Element {
  const type = field.type === 'other' || field.type === 'none' ? trans.__('any') : field.type;
  if (entered === undefined) {
    return <span className="jp-WindlassField-aside">{trans.__('%1, default', type)}</span>;
  }
  return (
    <span className="jp-WindlassField-aside">
      {type}
      <button
        type="button"
        className="jp-WindlassLink"
        title={trans.__('Back to the default, %1', field.default_source)}
        aria-describedby={`${id}-label`}
        onClick={() => onChange(undefined)}
      >
        {trans.__('Reset')}
      </button>
    </span>
  );
}
