/** A labelled field of the submit dialog, with its help and what is wrong with it bound to its control. */
import * as React from 'react';

/** What a control needs to be bound to its label, help and error. */
export interface IControlBinding {
  readonly id: string;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': boolean | undefined;
}

interface IFieldProps {
  readonly id: string;
  readonly label: React.ReactNode;
  readonly help?: React.ReactNode;
  readonly error?: string | undefined;
  /** Beside the label: a type, a button to reset. */
  readonly aside?: React.ReactNode;
  /** Takes the whole width. */
  readonly isWide?: boolean;
  readonly children: (binding: IControlBinding) => React.ReactNode;
}

/** Label, control, help and error. */
export function Field({ id, label, help, error, aside, isWide, children }: IFieldProps): React.JSX.Element {
  const helpId = `${id}-help`;
  const errorId = `${id}-error`;
  const described = [error ? errorId : '', help ? helpId : ''].filter(Boolean).join(' ');
  const classes = ['jp-WindlassField', isWide ? 'jp-mod-wide' : '', error ? 'jp-mod-error' : ''];
  return (
    <div className={classes.filter(Boolean).join(' ')}>
      <div className="jp-WindlassField-head">
        <label htmlFor={id}>{label}</label>
        {aside}
      </div>
      {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': error ? true : undefined })}
      {error && (
        <div id={errorId} className="jp-WindlassField-error" role="alert">
          {error}
        </div>
      )}
      {help && (
        <div id={helpId} className="jp-WindlassField-help">
          {help}
        </div>
      )}
    </div>
  );
}

interface ITextFieldProps extends Omit<IFieldProps, 'children'> {
  readonly value: string;
  readonly placeholder?: string;
  readonly inputMode?: 'numeric' | 'decimal';
  /** Several lines of this many rows. */
  readonly rows?: number;
  readonly isCode?: boolean;
  /** Id of a `datalist` with values to choose from. */
  readonly listId?: string;
  readonly onChange: (value: string) => void;
}

/** A field for text. */
export function TextField(props: ITextFieldProps): React.JSX.Element {
  const { value, placeholder, inputMode, rows, isCode, listId, onChange, ...field } = props;
  const common = {
    className: `jp-WindlassInput${isCode ? ' jp-mod-code' : ''}`,
    value,
    placeholder,
    spellCheck: false,
    autoComplete: 'off',
    onChange: (event: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      onChange(event.target.value)
  };
  return (
    <Field {...field}>
      {binding =>
        rows ? (
          <textarea {...common} {...binding} rows={rows} />
        ) : (
          <input type="text" inputMode={inputMode} list={listId} {...common} {...binding} />
        )
      }
    </Field>
  );
}

/** One choice of a `ChoiceField`. */
export interface IChoice {
  readonly value: string;
  readonly label: string;
  readonly isDisabled?: boolean;
}

interface IChoiceFieldProps extends Omit<IFieldProps, 'children'> {
  readonly value: string;
  readonly choices: readonly IChoice[];
  readonly onChange: (value: string) => void;
}

/** A field with a list to choose from. */
export function ChoiceField({ value, choices, onChange, ...field }: IChoiceFieldProps): React.JSX.Element {
  return (
    <Field {...field}>
      {binding => (
        <select
          {...binding}
          className="jp-WindlassSelect"
          value={value}
          onChange={event => onChange(event.target.value)}
        >
          {choices.map(choice => (
            <option key={choice.value} value={choice.value} disabled={choice.isDisabled}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
