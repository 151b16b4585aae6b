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
import type { GpuRow } from '../../model/gpuRows';
import { rowsOf } from '../../model/gpuRows';
import type { GpusModel } from '../../model/gpus';
import { DeviceRow } from './deviceRow';
import { HeadRow } from './headRow';
import { PodRow } from './podRow';

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
  const go = (index: number): void => (list.current?.children[index] as HTMLElement | undefined)?.focus();
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (actOn(rows, current, event.key, { turn, open, go })) {
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
        switch (row.kind) {
          case 'device':
            return (
              <DeviceRow key={row.key} row={row} now={now} trail={model.trailOf(row.device.id)} {...common} />
            );
          case 'pod':
            return <PodRow key={row.key} row={row} {...common} />;
          default:
            return <HeadRow key={row.key} row={row} onTurn={() => turn(row.key)} {...common} />;
        }
      })}
    </div>
  );
}

interface IActions {
  readonly turn: (key: string) => void;
  readonly open: (row: GpuRow) => void;
  readonly go: (index: number) => void;
}

/** Do what a key means for a row, as trees have it; answers whether it meant anything. */
function actOn(rows: readonly GpuRow[], at: number, key: string, { turn, open, go }: IActions): boolean {
  const row = rows[at];
  if (row === undefined || !['Enter', ' ', 'ArrowLeft', 'ArrowRight'].includes(key)) {
    return false;
  }
  const isHead = row.kind === 'place' || row.kind === 'job';
  if (key === 'Enter' || key === ' ') {
    open(row);
  } else if (isHead && row.size > 0 && row.isOpen === (key === 'ArrowLeft')) {
    turn(row.key);
  } else if (key === 'ArrowRight') {
    go(isHead && row.size > 0 ? at + 1 : at);
  } else {
    const isAbove = rows.slice(0, at).map(({ level }) => level < row.level);
    go(isAbove.lastIndexOf(true));
  }
  return true;
}

/** The job that a row is about; null: this machine. */
function jobOf(row: GpuRow): string | null {
  switch (row.kind) {
    case 'device':
      return row.device.job_id;
    case 'pod':
      return row.podUse.job_id;
    default:
      return row.group?.job_id ?? null;
  }
}
