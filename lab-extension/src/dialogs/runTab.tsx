/** The first tab of the submit dialog: what to run, where, how large, and with which parameters. */
import * as React from 'react';
import { StateView } from '../components/stateView';
import { TextField } from './field';
import type { TextField as FieldName } from './form';
import { ParametersGroup } from './parameterFields';
import type { IGroupProps } from './groupProps';
import { SizeGroup, WhereGroup } from './placement';

/** All fields. */
export function RunTab(props: IGroupProps): React.JSX.Element {
  return (
    <>
      <NameGroup {...props} />
      <WhereGroup {...props} />
      <SizeGroup {...props} />
      <ClusterGroup {...props} />
      <ParametersGroup {...props} />
      <LimitsGroup {...props} />
      <FilesGroup {...props} />
    </>
  );
}

/** What is about the cluster, once it has been fetched; nothing on other engines. */
function ClusterGroup(props: IGroupProps): React.JSX.Element | null {
  const { cluster, isOnCluster, trans } = props.model;
  if (!isOnCluster) {
    return null;
  }
  if (cluster.current) {
    const { part, offers } = cluster.current;
    return <part.ClusterFields {...props} offers={offers} />;
  }
  const retry = { label: trans.__('Try again'), act: () => void cluster.load() };
  return cluster.problem ? (
    <StateView kind="error" text={cluster.problem} actions={[retry]} />
  ) : (
    <StateView kind="loading" text={trans.__('Loading…')} />
  );
}

/** Makes a text field of the form that has this name in requests. */
function textFieldOf({ model, idPrefix }: IGroupProps) {
  return (
    field: FieldName,
    name: string,
    rest: Omit<React.ComponentProps<typeof TextField>, 'id' | 'value' | 'onChange'>
  ) => (
    <TextField
      {...rest}
      id={`${idPrefix}-${name}`}
      value={model.form[field]}
      error={model.errors[name]}
      onChange={value => model.set(field, value)}
    />
  );
}

function NameGroup(props: IGroupProps): React.JSX.Element {
  const { trans, path } = props.model;
  const textField = textFieldOf(props);
  const stem = (path.split('/').pop() ?? path).replace(/\.ipynb$/, '');
  return (
    <fieldset className="jp-WindlassGroup">
      <legend>{trans.__('Job')}</legend>
      {textField('name', 'name', { label: trans.__('Name'), placeholder: stem })}
      {textField('experiment', 'experiment', {
        label: trans.__('Experiment'),
        placeholder: stem,
        help: trans.__('Where its MLflow run is put')
      })}
    </fieldset>
  );
}

function LimitsGroup(props: IGroupProps): React.JSX.Element {
  const { trans } = props.model;
  const textField = textFieldOf(props);
  return (
    <fieldset className="jp-WindlassGroup">
      <legend>{trans.__('Limits')}</legend>
      {textField('timeLimit', 'time_limit_seconds', {
        label: trans.__('Time limit'),
        placeholder: trans.__('none'),
        help: trans.__('Such as 90m, 2h or 1d')
      })}
      {textField('retries', 'retries', {
        label: trans.__('Retries'),
        inputMode: 'numeric',
        help: trans.__('Started again this often after a failure')
      })}
    </fieldset>
  );
}

function FilesGroup(props: IGroupProps): React.JSX.Element {
  const { trans } = props.model;
  const textField = textFieldOf(props);
  return (
    <fieldset className="jp-WindlassGroup">
      <legend>{trans.__('Files')}</legend>
      {textField('include', 'include', {
        label: trans.__('Also send'),
        rows: 2,
        isCode: true,
        placeholder: trans.__('data/*.csv'),
        help: trans.__('Patterns, one in a line. Modules that the notebook imports go by themselves.')
      })}
      {textField('exclude', 'exclude', {
        label: trans.__('Do not send'),
        rows: 2,
        isCode: true,
        placeholder: trans.__('*.tmp'),
        help: trans.__('Patterns as in .gitignore, on top of .windlassignore.')
      })}
    </fieldset>
  );
}
