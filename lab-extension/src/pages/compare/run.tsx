/** A run's name, to be opened. */
import * as React from 'react';
import type { Run } from '../../api/types';

interface IRunNameProps {
  readonly run: Pick<Run, 'id' | 'name'>;
  /** null: there is no page of a run. */
  readonly onOpen: ((id: string) => void) | null;
}

/** The name, as a button where it opens something. */
export function RunName({ run, onOpen }: IRunNameProps): React.JSX.Element {
  const title = `${run.name} (${run.id})`;
  const open = (): void => onOpen?.(run.id);
  return onOpen ? (
    <button type="button" className="jp-WindlassLink jp-WindlassRunName" title={title} onClick={open}>
      {run.name}
    </button>
  ) : (
    <span className="jp-WindlassRunName" title={title}>
      {run.name}
    </span>
  );
}
