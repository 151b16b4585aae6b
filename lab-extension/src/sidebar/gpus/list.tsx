/**
 * Devices as rows of a tree: places and jobs, their devices, slices under their card.
 *
 * One row is in the tab order. Arrows move among rows; left and right close and open what is below a head.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { GpuSnapshot } from '../../api/types';
import { useRovingRows } from '../../components/rovingRows';
import { GpuCommandIDs } from '../../model/gpuCommands';
import type { GpuRow, IDeviceRow } from '../../model/gpuRows';
import { rowsOf } from '../../model/gpuRows';
import type { GpusModel } from '../../model/gpus';
import { DeviceRow } from './deviceRow';
import { HeadRow } from './headRow';

interface IGpuListProps {
  readonly snapshot: GpuSnapshot;
  readonly commands: CommandRegistry;
  readonly model: GpusModel;
  readonly trans: TranslationBundle;
}

/** The list. */
export function GpuList({ snapshot, commands, model, trans }: IGpuListProps): React.JSX.Element {
  const [turned, setTurned] = React.useState<ReadonlySet<string>>(new Set());
  const rows = rowsOf(snapshot, turned);
  const { current, list, onFocus, onKeyDown: onRowKey } = useRovingRows(rows.length);
  const now = Date.parse(snapshot.at);
  const turn = (key: string): void =>
    setTurned(
      before => new Set(before.has(key) ? [...before].filter(other => other !== key) : [...before, key])
    );
  const open = (row: GpuRow): void => {
    const id = jobOf(row);
    void commands.execute(GpuCommandIDs.openGpus, id === null ? {} : { id });
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const row = rows[current];
    if (row && actOn(row, event.key, { turn, open })) {
      event.preventDefault();
      event.stopPropagation();
    } else {
      onRowKey(event);
    }
  };
  return (
    <div
      ref={list}
      className="jp-WindlassGpus-list"
      role="tree"
      aria-label={trans.__('GPUs')}
      onKeyDown={onKeyDown}
    >
      {rows.map((row, index) => {
        const common = {
          isCurrent: index === current,
          onFocus: () => onFocus(index),
          onOpen: () => open(row),
          trans
        };
        return row.kind === 'device' ? (
          <DeviceRow key={row.key} row={row} now={now} trail={model.trailOf(row.device.id)} {...common} />
        ) : (
          <HeadRow key={row.key} row={row} onTurn={() => turn(row.key)} {...common} />
        );
      })}
    </div>
  );
}

interface IActions {
  readonly turn: (key: string) => void;
  readonly open: (row: GpuRow) => void;
}

/** Do what a key means for a row; answers whether it meant anything. */
function actOn(row: GpuRow, key: string, { turn, open }: IActions): boolean {
  if (key === 'Enter' || key === ' ') {
    open(row);
    return true;
  }
  const isTurn = row.kind !== 'device' && row.size > 0 && key === (row.isOpen ? 'ArrowLeft' : 'ArrowRight');
  if (isTurn) {
    turn(row.key);
  }
  return isTurn;
}

/** The job that a row is about; null: this machine. */
function jobOf(row: GpuRow): string | null {
  return row.kind === 'device' ? jobOfDevice(row) : (row.group?.job_id ?? null);
}

function jobOfDevice({ device }: IDeviceRow): string | null {
  return device.job_id;
}
