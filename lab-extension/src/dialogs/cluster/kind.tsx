/** Which kind of job it becomes in the cluster, and why. */
import * as React from 'react';
import { ChoiceField } from '../field';
import type { IClusterProps } from './props';

/** The kind that the preview found for these fields, with the reason. */
export function KindSummary({ model, offers }: IClusterProps): React.JSX.Element {
  const { trans, preview, previewState, errors } = model;
  const isOfThese = previewState === 'ready' && Object.keys(errors).length === 0;
  const namespace = offers.offers?.namespace;
  const kind =
    preview?.engine === model.engine && isOfThese
      ? `${trans.__('Runs as %1.', preview.kind)} ${preview.kind_reason ?? ''}`
      : '';
  return (
    <p className="jp-WindlassGroup-summary" role="status">
      {kind} {namespace && trans.__('Namespace: %1', namespace)}
    </p>
  );
}

/** Automatic, or one of those that the cluster runs. */
export function KindField({ model, idPrefix, offers }: IClusterProps): React.JSX.Element {
  const { trans, form, errors } = model;
  const { kind } = form.cluster;
  const kinds = offers.offers?.kinds ?? [];
  const missing = kinds.filter(({ served }) => !served);
  const names = kinds.filter(({ served }) => served).map(({ name }) => name as string);
  const choices = kind === '' || names.includes(kind) ? names : [...names, kind];
  return (
    <ChoiceField
      id={`${idPrefix}-kind`}
      label={trans.__('Kind')}
      isWide
      value={kind}
      choices={[
        { value: '', label: trans.__('Automatic') },
        ...choices.map(name => ({
          value: name,
          label: names.includes(name) ? name : trans.__('%1 (not offered)', name)
        }))
      ]}
      help={
        <>
          {kinds
            .filter(({ name }) => name === kind)
            .concat(kind === '' ? missing : [])
            .map(({ name, reason }) => (
              <span key={name} className="jp-WindlassField-line">
                {trans.__('%1: %2', name, reason)}
              </span>
            ))}
        </>
      }
      error={errors.kind}
      onChange={value => model.setCluster({ kind: value }, 'kind')}
    />
  );
}
