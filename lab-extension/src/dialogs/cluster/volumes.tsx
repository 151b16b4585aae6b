/** Volume claims that are mounted in every worker: a row for each. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { OfferedClaim } from '../../api/types';
import { formatBytes } from '../../components/quantities';
import type { IVolumeRow } from '../clusterForm';
import { TextField } from '../field';
import { OfferedField } from './choices';
import type { IClusterProps } from './props';

/** Most of them that the server takes. */
const MOST_ROWS = 16;

/** Nothing, where there is no claim to mount. */
export function VolumesGroup(props: IClusterProps): React.JSX.Element | null {
  const { model, offers } = props;
  const { trans, form } = model;
  const { volumes } = form.cluster;
  const addButton = React.useRef<HTMLButtonElement>(null);
  const known = offers.offers;
  const claims = known?.claims ?? [];
  if (volumes.length === 0 && claims.length === 0 && (!known || known.problems.length === 0)) {
    return null;
  }
  const set = (rows: readonly IVolumeRow[]): void => model.setCluster({ volumes: rows }, 'cluster.volumes');
  return (
    <fieldset className="jp-WindlassGroup jp-mod-one">
      <legend>{trans.__('Volumes')}</legend>
      {volumes.map((row, at) => (
        <VolumeRow
          key={at}
          {...props}
          row={row}
          at={at}
          claims={claims}
          onChange={change => set(volumes.map((each, i) => (i === at ? { ...each, ...change } : each)))}
          onRemove={() => {
            set(volumes.filter((_, i) => i !== at));
            addButton.current?.focus();
          }}
        />
      ))}
      <button
        ref={addButton}
        type="button"
        className="jp-WindlassButton jp-WindlassCluster-add"
        disabled={volumes.length >= MOST_ROWS}
        onClick={() => set([...volumes, newRow(volumes, claims)])}
      >
        <addIcon.react tag="span" aria-hidden width="14px" height="14px" />
        {trans.__('Mount a volume claim')}
      </button>
    </fieldset>
  );
}

interface IVolumeRowProps extends IClusterProps {
  readonly row: IVolumeRow;
  readonly at: number;
  readonly claims: readonly OfferedClaim[];
  readonly onChange: (change: Partial<IVolumeRow>) => void;
  readonly onRemove: () => void;
}

function VolumeRow(props: IVolumeRowProps): React.JSX.Element {
  const { model, idPrefix, row, at, onChange, onRemove } = props;
  const { trans, errors } = model;
  const id = `${idPrefix}-volume-${at}`;
  const name = `cluster.volumes.${at}`;
  return (
    <div className="jp-WindlassCluster-volume" role="group" aria-label={trans.__('Volume %1', at + 1)}>
      <ClaimField {...props} id={`${id}-claim`} error={errors[`${name}.claim`] ?? errors[name]} />
      <TextField
        id={`${id}-path`}
        label={trans.__('Mounted at')}
        isCode
        value={row.path}
        help={row.subPath && trans.__('The folder %1 of the claim', row.subPath)}
        error={errors[`${name}.path`] ?? errors[`${name}.sub_path`]}
        onChange={path => onChange({ path })}
      />
      <label className="jp-WindlassCluster-tick">
        <input
          type="checkbox"
          className="jp-WindlassCheckbox"
          checked={row.isReadOnly}
          onChange={event => onChange({ isReadOnly: event.target.checked })}
        />
        {trans.__('Read-only')}
      </label>
      <button
        type="button"
        className="jp-WindlassIconButton"
        title={trans.__('Remove this volume')}
        aria-label={trans.__('Remove volume %1', row.claim || String(at + 1))}
        onClick={onRemove}
      >
        <closeIcon.react tag="span" aria-hidden width="14px" height="14px" />
      </button>
    </div>
  );
}

function ClaimField(props: IVolumeRowProps & { id: string; error: string | undefined }): React.JSX.Element {
  const { model, id, row, claims, error, onChange } = props;
  const { trans } = model;
  const field = { id, label: trans.__('Claim'), value: row.claim, error };
  const set = (claim: string): void => onChange({ claim });
  return claims.length === 0 ? (
    <TextField {...field} isCode onChange={set} />
  ) : (
    <OfferedField
      {...field}
      none={trans.__('Choose…')}
      choices={claims.map(({ name }) => ({ value: name, label: name }))}
      help={describeClaim(
        claims.find(({ name }) => name === row.claim),
        trans
      )}
      onChange={set}
      trans={trans}
    />
  );
}

function describeClaim(claim: OfferedClaim | undefined, trans: TranslationBundle): string | null {
  if (!claim) {
    return null;
  }
  const parts = [
    claim.capacity_bytes === null ? '' : formatBytes(claim.capacity_bytes),
    claim.access_modes.join(', '),
    claim.bound ? '' : trans.__('not bound yet')
  ];
  return parts.filter(Boolean).join(' · ');
}

/** A row with a claim that is not mounted yet, at a path that is free. */
function newRow(rows: readonly IVolumeRow[], claims: readonly OfferedClaim[]): IVolumeRow {
  const free = claims.find(({ name }) => !rows.some(row => row.claim === name));
  const claim = free?.name ?? '';
  const isTaken = (path: string): boolean => rows.some(row => row.path === path);
  const paths = ['/data', ...(claim ? [`/data/${claim}`] : []), ...rows.map((_, at) => `/data-${at + 2}`)];
  return { claim, path: paths.find(path => !isTaken(path)) ?? '', subPath: '', isReadOnly: false };
}
