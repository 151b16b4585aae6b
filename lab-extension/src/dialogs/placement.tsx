/** Where a job runs and how large it is: engine, environment, workers, processes and GPUs. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { EngineInfo, Environment } from '../api/types';
import type { IChoice } from './field';
import { EngineSwitch } from './engineSwitch';
import { ChoiceField, TextField } from './field';
import type { TextField as FieldName } from './form';
import type { IGroupProps } from './groupProps';
import type { SubmitModel } from './model';

/** Engine and environment. */
export function WhereGroup({ model, idPrefix }: IGroupProps): React.JSX.Element {
  const { trans, form, errors } = model;
  const environments = model.environments;
  return (
    <fieldset className="jp-WindlassGroup">
      <legend>{trans.__('Where')}</legend>
      <EngineSwitch model={model} idPrefix={idPrefix} />
      <ChoiceField
        id={`${idPrefix}-environment`}
        label={trans.__('Environment')}
        value={form.environment}
        choices={environmentChoices(environments?.items ?? [], form.environment, trans)}
        help={environmentHelp(model)}
        error={errors.environment}
        onChange={value => model.set('environment', value)}
      />
    </fieldset>
  );
}

/** Workers, processes and GPUs. */
export function SizeGroup({ model, idPrefix }: IGroupProps): React.JSX.Element {
  const { trans, form, errors } = model;
  const engine = chosenEngine(model);
  const numberField = (
    field: FieldName,
    name: string,
    label: string,
    help: string | null
  ): React.JSX.Element => (
    <TextField
      id={`${idPrefix}-${name}`}
      label={label}
      inputMode="numeric"
      value={form[field]}
      error={errors[name]}
      help={help}
      onChange={value => model.set(field, value)}
    />
  );
  return (
    <fieldset className="jp-WindlassGroup jp-mod-three">
      <legend>{trans.__('Size')}</legend>
      {numberField('workers', 'workers', trans.__('Workers'), null)}
      {numberField('processesPerWorker', 'processes_per_worker', trans.__('Processes per worker'), null)}
      {(form.gpusPerWorker !== '0' || !hasNoGpus(model)) &&
        numberField('gpusPerWorker', 'gpus_per_worker', trans.__('GPUs per worker'), gpuHelp(engine, trans))}
      <p className="jp-WindlassGroup-summary" role="status">
        {sizeSummary(model, engine)}
      </p>
    </fieldset>
  );
}

function chosenEngine({ engine, windlass }: SubmitModel): EngineInfo | undefined {
  return windlass.info.info?.engines.find(({ name }) => name === engine);
}

function environmentChoices(
  environments: readonly Environment[],
  chosen: string,
  trans: TranslationBundle
): IChoice[] {
  const known = chosen === '' || environments.some(({ name }) => name === chosen);
  return [
    { value: '', label: trans.__('The notebook’s own') },
    ...environments.map(({ name, display_name, usable }) => ({
      value: name,
      label: usable ? display_name : trans.__('%1 (cannot be used)', display_name),
      isDisabled: !usable
    })),
    ...(known ? [] : [{ value: chosen, label: trans.__('%1 (no longer there)', chosen) }])
  ];
}

function environmentHelp({ form, environments, preview, trans }: SubmitModel): string | null {
  const chosen = environments?.items.find(({ name }) => name === form.environment);
  if (chosen?.message) {
    return chosen.message;
  }
  const summary = preview?.environment;
  return summary?.python_version ? trans.__('Python %1', summary.python_version) : null;
}

/** Whether the chosen cluster surely has none. */
function hasNoGpus({ cluster, isOnCluster }: SubmitModel): boolean {
  const offers = isOnCluster ? cluster.current?.offers.offers : null;
  return offers?.gpus.length === 0 && offers.problems.length === 0;
}

function gpuHelp(engine: EngineInfo | undefined, trans: TranslationBundle): string | null {
  const { gpus, gpus_free: free } = engine?.capacity ?? { gpus: null, gpus_free: null };
  if (gpus === null) {
    return null;
  }
  if (gpus === 0) {
    return trans.__('There are none here.');
  }
  return free === null ? trans.__('%1 in all', gpus) : trans.__('%1 of %2 free', free, gpus);
}

function sizeSummary({ form, trans }: SubmitModel, engine: EngineInfo | undefined): string {
  const processes = Number(form.workers) * Number(form.processesPerWorker);
  if (!Number.isInteger(processes) || processes < 1) {
    return '';
  }
  const gpus = Number(form.workers) * Number(form.gpusPerWorker);
  const parts = [trans._n('%1 process in all', '%1 processes in all', processes)];
  if (gpus > 0) {
    parts.push(trans._n('%1 GPU', '%1 GPUs', gpus));
  }
  const { cpus, cpus_free: free } = engine?.capacity ?? { cpus: null, cpus_free: null };
  if (cpus !== null && free !== null) {
    parts.push(trans.__('%1 of %2 CPUs free', free, cpus));
  }
  return parts.join(' · ');
}
