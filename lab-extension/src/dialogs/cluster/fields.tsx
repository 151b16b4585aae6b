/** The fields about a cluster: the few that most jobs need, volumes, and the rest folded away. */
import * as React from 'react';
import '../../../style/cluster.css';
import { TextField } from '../field';
import { GpuField, NodeClassField, QueueField } from './choices';
import { ImageField } from './image';
import { KindSummary } from './kind';
import { MoreFields } from './more';
import { OffersNote } from './offersNote';
import type { IClusterProps } from './props';
import { VolumesGroup } from './volumes';

/** All of them. */
export function ClusterFields(props: IClusterProps): React.JSX.Element {
  const { model, idPrefix } = props;
  const { trans, form, errors } = model;
  const { cluster } = form;
  return (
    <>
      <fieldset className="jp-WindlassGroup">
        <legend>{trans.__('Each worker')}</legend>
        <OffersNote {...props} />
        <ImageField {...props} />
        <GpuField {...props} />
        <TextField
          id={`${idPrefix}-cpu`}
          label={trans.__('CPU cores')}
          placeholder={trans.__('the cluster’s default')}
          inputMode="decimal"
          value={cluster.cpu}
          error={errors['cluster.cpu']}
          onChange={cpu => model.setCluster({ cpu }, 'cluster.cpu')}
        />
        <TextField
          id={`${idPrefix}-memory`}
          label={trans.__('Memory')}
          placeholder={trans.__('the cluster’s default')}
          help={trans.__('Such as 512Mi or 32Gi')}
          value={cluster.memory}
          error={errors['cluster.memory_bytes']}
          onChange={memory => model.setCluster({ memory }, 'cluster.memory_bytes')}
        />
        <NodeClassField {...props} />
        <QueueField {...props} />
        <KindSummary {...props} />
      </fieldset>
      <VolumesGroup {...props} />
      <MoreFields {...props} />
    </>
  );
}
