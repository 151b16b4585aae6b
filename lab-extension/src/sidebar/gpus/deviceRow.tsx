/** One device: name, power, bars, the last minutes, who uses it, and what it costs while nobody does. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { PodUse } from '../../api/types';
import { formatMemory, formatPercent, formatWatts } from '../../components/gpuFigures';
import { Meter } from '../../components/meter';
import { Sparkline } from '../../components/sparkline';
import { WarningSign } from '../../components/warningSign';
import { memoryFraction } from '../../model/gpuReadings';
import type { IDeviceRow } from '../../model/gpuRows';
import type { ITrailPoint } from '../../model/gpuTrails';
import { TRAIL_SECONDS } from '../../model/gpuTrails';
import { deviceSentence, deviceTitle, idleText, podText, productOf, usersText } from './describe';

interface IDeviceRowProps {
  readonly row: IDeviceRow;
  /** The server's clock, in POSIX milliseconds. */
  readonly now: number;
  readonly trail: readonly ITrailPoint[];
  readonly isCurrent: boolean;
  readonly onFocus: () => void;
  readonly onOpen: () => void;
  readonly trans: TranslationBundle;
}

/** The row. */
export function DeviceRow(props: IDeviceRowProps): React.JSX.Element {
  const { row, now, isCurrent, onFocus, onOpen, trans } = props;
  const { device, level } = row;
  const watts = device.now?.power_watts ?? null;
  const users = usersText(row, trans);
  return (
    <div
      className={`jp-WindlassGpus-row${level === 3 ? ' jp-mod-slice' : ''}${row.isStraggler ? ' jp-mod-behind' : ''}`}
      role="treeitem"
      aria-level={level}
      aria-label={deviceSentence(row, now, trans)}
      data-windlass-gpu={device.id}
      tabIndex={isCurrent ? 0 : -1}
      onClick={onOpen}
      onFocus={onFocus}
    >
      <div className="jp-WindlassGpus-line">
        <span className="jp-WindlassGpus-name">{deviceTitle(row, trans)}</span>
        <span className="jp-WindlassGpus-product" title={device.name}>
          {productOf(device)}
        </span>
        {watts !== null && <span className="jp-WindlassGpus-watts">{formatWatts(watts, trans)}</span>}
      </div>
      <Figures {...props} />
      {(users || row.podUse) && (
        <div className="jp-WindlassGpus-line">
          <span className="jp-WindlassGpus-users" title={users}>
            {users}
          </span>
          {row.podUse && <PodFigures use={row.podUse} trans={trans} />}
        </div>
      )}
      <Marks {...props} />
    </div>
  );
}

/** What a pod uses beside GPUs. */
export function PodFigures({ use, trans }: { use: PodUse; trans: TranslationBundle }): React.JSX.Element {
  return (
    <span className="jp-WindlassGpus-pod" title={trans.__('CPU and memory in use in the pod %1', use.pod)}>
      {podText(use, trans)}
    </span>
  );
}

/** Bars with their values, and the last minutes. */
function Figures({ row: { device }, now, trail, trans }: IDeviceRowProps): React.JSX.Element {
  const points = React.useMemo(() => trail.map(({ at, engine }) => [at, engine] as const), [trail]);
  const engine = device.now?.engine ?? null;
  return (
    <div className="jp-WindlassGpus-figures">
      <span>{trans.__('Use')}</span>
      <Meter fraction={engine} kind="engine" />
      <span className={`jp-WindlassGpus-value${engine === null ? ' jp-mod-wide' : ''}`}>
        {formatPercent(engine, trans)}
      </span>
      {engine !== null && (
        <span className="jp-WindlassGpus-recent">
          <Sparkline points={points} from={now / 1000 - TRAIL_SECONDS} to={now / 1000} />
        </span>
      )}
      <span>{trans.__('Mem')}</span>
      <Meter fraction={memoryFraction(device)} kind="memory" />
      <span className="jp-WindlassGpus-value jp-mod-wide">
        {formatMemory(device.now?.memory_bytes ?? null, device.memory_total_bytes, trans)}
      </span>
    </div>
  );
}

/** What is not as it should be. */
function Marks({ row, now, trans }: IDeviceRowProps): React.JSX.Element {
  const idle = idleText(row.device, now, trans);
  const { problem } = row.device;
  return (
    <>
      {row.isStraggler && (
        <div className="jp-WindlassGpus-warning">
          <WarningSign /> {trans.__('Stands out from the other ranks')}
        </div>
      )}
      {idle && (
        <div className="jp-WindlassGpus-warning">
          <WarningSign /> {idle}
        </div>
      )}
      {problem !== null && <div className="jp-WindlassGpus-problem">{problem}</div>}
    </>
  );
}
