/** The lists of what a cluster offers. One that would be empty is not shown, but for what was chosen before. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { OfferedQueue } from '../../api/types';
import type { IChoice } from '../field';
import { ChoiceField } from '../field';
import type { IClusterProps } from './props';
import { describeFree, describeGpu, fromText, offerOf, toText } from './gpus';

interface IOfferedFieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  /** What it is when nothing is chosen. */
  readonly none: string;
  readonly choices: readonly IChoice[];
  readonly help?: React.ReactNode;
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
  readonly trans: TranslationBundle;
}

/** A list of what is offered, none of it among them; also of what was chosen and is offered no longer. */
export function OfferedField(props: IOfferedFieldProps): React.JSX.Element | null {
  const { none, trans, ...field } = props;
  const { value, choices } = props;
  if (choices.length === 0 && value === '' && !props.error) {
    return null;
  }
  const isGone = value !== '' && !choices.some(choice => choice.value === value);
  return (
    <ChoiceField
      {...field}
      choices={[
        { value: '', label: none },
        ...choices,
        ...(isGone ? [{ value, label: trans.__('%1 (not offered)', value) }] : [])
      ]}
    />
  );
}

/** The values of a list that are shown as they are. */
export function asChoices(names: readonly string[] | undefined): IChoice[] {
  return (names ?? []).map(name => ({ value: name, label: name }));
}

/** Where the job waits for its turn. */
export function QueueField({ model, idPrefix, offers }: IClusterProps): React.JSX.Element {
  const { trans, form, errors } = model;
  const queues = offers.offers?.queues ?? [];
  return (
    <OfferedField
      id={`${idPrefix}-queue`}
      label={trans.__('Queue')}
      value={form.cluster.queue}
      none={trans.__('None')}
      choices={queues.map(queue => ({ value: queue.name, label: describeQueue(queue, trans) }))}
      error={errors['cluster.queue']}
      onChange={queue => model.setCluster({ queue }, 'cluster.queue')}
      trans={trans}
    />
  );
}

function describeQueue({ name, pending, admitted }: OfferedQueue, trans: TranslationBundle): string {
  return pending === null && admitted === null
    ? name
    : trans.__('%1 (%2 waiting, %3 running)', name, pending ?? '–', admitted ?? '–');
}

/** Nodes that may be taken away, or not. */
export function NodeClassField({ model, idPrefix, offers }: IClusterProps): React.JSX.Element {
  const { trans, form, errors } = model;
  const labels: Record<string, string> = { spot: trans.__('Spot'), 'on-demand': trans.__('On demand') };
  return (
    <OfferedField
      id={`${idPrefix}-node-class`}
      label={trans.__('Nodes')}
      value={form.cluster.nodeClass}
      none={trans.__('Any')}
      choices={(offers.offers?.node_classes ?? []).map(name => ({
        value: name,
        label: labels[name] ?? name
      }))}
      help={form.cluster.nodeClass === 'spot' ? trans.__('Cheaper, and may be taken away at any time') : null}
      error={errors['cluster.node_class']}
      onChange={nodeClass => model.setCluster({ nodeClass }, 'cluster.node_class')}
      trans={trans}
    />
  );
}

/** Which GPUs, when there are to be any. */
export function GpuField({ model, idPrefix, offers }: IClusterProps): React.JSX.Element | null {
  const { trans, form, errors } = model;
  const offered = offers.offers?.gpus ?? [];
  const wrong = Object.keys(errors).find(name => name === 'cluster.gpu' || name.startsWith('cluster.gpu.'));
  if (Number(form.gpusPerWorker) === 0 && !wrong) {
    return null;
  }
  const { gpu } = form.cluster;
  const meant = gpu === '' ? undefined : offerOf(gpu, offered);
  const choices = offered.map(offer => {
    const free = describeFree(offer, trans);
    const name = describeGpu(offer, trans);
    return { value: toText(offer), label: free ? trans.__('%1 (%2)', name, free) : name };
  });
  if (gpu !== '' && !meant) {
    choices.push({ value: gpu, label: trans.__('%1 (not offered)', describeGpu(fromText(gpu), trans)) });
  }
  return (
    <OfferedField
      id={`${idPrefix}-gpu`}
      label={trans.__('GPU')}
      value={meant ? toText(meant) : gpu}
      none={trans.__('Any')}
      choices={choices}
      error={wrong && errors[wrong]}
      onChange={value => model.setCluster({ gpu: value }, 'cluster.gpu')}
      trans={trans}
    />
  );
}
