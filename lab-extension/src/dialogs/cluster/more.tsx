/** The fields about a cluster that few jobs need: folded while they are as by default and none of them is wrong. */
import * as React from 'react';
import type { IClusterForm } from '../clusterForm';
import { EMPTY_CLUSTER_FORM } from '../clusterForm';
import { TextField } from '../field';
import { asChoices, OfferedField } from './choices';
import type { IClusterProps } from './props';
import { KindField } from './kind';

const FIELDS = ['kind', 'shared_memory_bytes', 'priority_class', 'runtime'];

const FORM_FIELDS = ['kind', 'sharedMemory', 'priorityClass', 'runtime', 'installPackages'] as const;

/** Kind, shared memory, priority, runtime, packages, and what fixes have set beyond the fields. */
export function MoreFields(props: IClusterProps): React.JSX.Element {
  const { model, idPrefix } = props;
  const { trans, form, errors } = model;
  const isWrong = FIELDS.some(name => errors[name] ?? errors[`cluster.${name}`]);
  const [isOpen, setOpen] = React.useState(() => hasChoices(form.cluster));
  return (
    <details
      className="jp-WindlassSection"
      open={isOpen || isWrong}
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>{trans.__('More')}</summary>
      <div className="jp-WindlassGroup">
        <KindField {...props} />
        <TextField
          id={`${idPrefix}-shared-memory`}
          label={trans.__('Shared memory')}
          placeholder={trans.__('a quarter of the memory')}
          help={trans.__('/dev/shm, for data loaders with workers')}
          value={form.cluster.sharedMemory}
          error={errors['cluster.shared_memory_bytes']}
          onChange={sharedMemory => model.setCluster({ sharedMemory }, 'cluster.shared_memory_bytes')}
        />
        <PriorityField {...props} />
        <RuntimeField {...props} />
        <label className="jp-WindlassCluster-tick jp-mod-wide">
          <input
            type="checkbox"
            className="jp-WindlassCheckbox"
            checked={form.cluster.installPackages}
            onChange={event =>
              model.setCluster({ installPackages: event.target.checked }, 'cluster.install_packages')
            }
          />
          {trans.__('Install packages that the code imports and the image lacks')}
        </label>
        <OtherOptions {...props} />
      </div>
    </details>
  );
}

/** Whether something in here is not as it is by default. */
function hasChoices(cluster: IClusterForm): boolean {
  return (
    FORM_FIELDS.some(name => cluster[name] !== EMPTY_CLUSTER_FORM[name]) ||
    Object.keys(cluster.other).length > 0
  );
}

function PriorityField({ model, idPrefix, offers }: IClusterProps): React.JSX.Element {
  const { trans, form, errors } = model;
  return (
    <OfferedField
      id={`${idPrefix}-priority`}
      label={trans.__('Priority')}
      value={form.cluster.priorityClass}
      none={trans.__('The cluster’s default')}
      choices={asChoices(offers.offers?.priority_classes)}
      error={errors['cluster.priority_class']}
      onChange={priorityClass => model.setCluster({ priorityClass }, 'cluster.priority_class')}
      trans={trans}
    />
  );
}

function RuntimeField({ model, idPrefix, offers }: IClusterProps): React.JSX.Element {
  const { trans, form, errors } = model;
  const runtimes = offers.offers?.runtimes ?? [];
  return (
    <OfferedField
      id={`${idPrefix}-runtime`}
      label={trans.__('Training runtime')}
      value={form.cluster.runtime}
      none={trans.__('By the code’s framework')}
      choices={runtimes.map(({ name, deprecated }) => ({
        value: name,
        label: deprecated ? trans.__('%1 (deprecated)', name) : name
      }))}
      help={trans.__('For a TrainJob')}
      error={errors['cluster.runtime']}
      onChange={runtime => model.setCluster({ runtime }, 'cluster.runtime')}
      trans={trans}
    />
  );
}

/** Options without a field: they are sent, and so they are shown. */
function OtherOptions({ model }: IClusterProps): React.JSX.Element | null {
  const { trans, form } = model;
  const names = Object.keys(form.cluster.other);
  return names.length === 0 ? null : (
    <p className="jp-WindlassGroup-summary">
      {trans.__('Also sent:')}{' '}
      {names.map(name => (
        <code key={name}>{`${name}: ${JSON.stringify(form.cluster.other[name])} `}</code>
      ))}
      <button
        type="button"
        className="jp-WindlassLink"
        onClick={() => model.setCluster({ other: {} }, 'cluster')}
      >
        {trans.__('Leave these out')}
      </button>
    </p>
  );
}
