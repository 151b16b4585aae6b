/** What a model takes and gives. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ModelVersionDetail, SignatureField } from '../../../api/types';

interface ISignatureTablesProps {
  readonly detail: ModelVersionDetail;
  readonly trans: TranslationBundle;
}

/** Inputs, outputs and parameters, a table each. */
export function SignatureTables({ detail, trans }: ISignatureTablesProps): React.JSX.Element {
  const { signature, message } = detail;
  if (signature === null) {
    const text =
      message ??
      trans.__('The model was logged without a signature: log it with “signature=” or “input_example=”.');
    return <p className="jp-WindlassMuted">{text}</p>;
  }
  return (
    <div className="jp-WindlassModelPage-signature">
      <Fields title={trans.__('Inputs')} fields={signature.inputs} trans={trans} />
      <Fields title={trans.__('Outputs')} fields={signature.outputs} trans={trans} />
      <Fields title={trans.__('Inference parameters')} fields={signature.params} trans={trans} />
    </div>
  );
}

interface IFieldsProps {
  readonly title: string;
  readonly fields: readonly SignatureField[] | null;
  readonly trans: TranslationBundle;
}

function Fields({ title, fields, trans }: IFieldsProps): React.JSX.Element | null {
  if (fields === null || fields.length === 0) {
    return null;
  }
  return (
    <table className="jp-WindlassTable">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Name')}</th>
          <th scope="col">{trans.__('Type')}</th>
          <th scope="col">{trans.__('Required')}</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field, index) => (
          <tr key={index}>
            <th scope="row">
              {field.name ?? <span className="jp-WindlassMuted">{trans.__('(unnamed)')}</span>}
            </th>
            <td>
              <code>{field.type}</code>
            </td>
            <td>{field.required ? trans.__('yes') : trans.__('no')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
