/** A pod of a job that shows no GPU: what it uses beside them. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { IPodRow } from '../../model/gpuRows';
import { podText, podTitle } from './describe';
import { PodFigures } from './deviceRow';

interface IPodRowProps {
  readonly row: IPodRow;
  readonly isCurrent: boolean;
  readonly onFocus: () => void;
  readonly onOpen: () => void;
  readonly trans: TranslationBundle;
}

/** The row. */
export function PodRow({ row, isCurrent, onFocus, onOpen, trans }: IPodRowProps): React.JSX.Element {
  const { podUse: use } = row;
  const title = podTitle(use, trans);
  return (
    <div
      className="jp-WindlassGpus-row"
      role="treeitem"
      aria-level={2}
      aria-label={trans.__('%1, without a GPU that is known, %2', title, podText(use, trans))}
      tabIndex={isCurrent ? 0 : -1}
      onClick={onOpen}
      onFocus={onFocus}
    >
      <div className="jp-WindlassGpus-users" title={title}>
        {title}
      </div>
      <PodFigures use={use} trans={trans} />
    </div>
  );
}
