/** The head of devices: this machine, or a job with how far apart its ranks are and what it costs. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { JobGpuGroup } from '../../api/types';
import { Meter } from '../../components/meter';
import { WarningSign } from '../../components/warningSign';
import type { IHeadRow } from '../../model/gpuRows';
import { countText, headSentence, moneyText, placeTitle, spreadText, stragglerText } from './describe';

interface IHeadRowProps {
  readonly row: IHeadRow;
  readonly isCurrent: boolean;
  readonly onFocus: () => void;
  readonly onOpen: () => void;
  /** Open or close what is below. */
  readonly onTurn: () => void;
  readonly trans: TranslationBundle;
}

/** The row. */
export function HeadRow({
  row,
  isCurrent,
  onFocus,
  onOpen,
  onTurn,
  trans
}: IHeadRowProps): React.JSX.Element {
  const { group, place, size, isOpen } = row;
  const Caret = isOpen ? caretDownIcon : caretRightIcon;
  return (
    <div
      className="jp-WindlassGpus-row jp-mod-head"
      role="treeitem"
      aria-level={1}
      aria-expanded={size > 0 ? isOpen : undefined}
      aria-label={headSentence(row, trans)}
      title={trans.__('Open the charts')}
      tabIndex={isCurrent ? 0 : -1}
      onClick={onOpen}
      onFocus={onFocus}
    >
      <div className="jp-WindlassGpus-line">
        <span
          className="jp-WindlassGpus-caret"
          aria-hidden
          onClick={event => {
            if (size > 0) {
              event.stopPropagation();
              onTurn();
            }
          }}
        >
          {size > 0 && <Caret.react tag="span" width="16px" />}
        </span>
        <span className="jp-WindlassGpus-name">{group?.name ?? placeTitle(place ?? 'others', trans)}</span>
        <span className="jp-WindlassGpus-quiet">{countText(row, trans)}</span>
      </div>
      {group && <JobFigures group={group} trans={trans} />}
    </div>
  );
}

/** Use and memory across ranks, which rank is behind, and money. */
function JobFigures({ group, trans }: { group: JobGpuGroup; trans: TranslationBundle }): React.JSX.Element {
  const { engine, memory_fraction: memory, devices, straggler_rank: straggler } = group;
  const money = moneyText(group, trans);
  return (
    <>
      <div className="jp-WindlassGpus-spread">
        <span>{trans.__('Use')}</span>
        <Meter fraction={engine.mean} kind="engine" least={engine.least} most={engine.most} />
        <span className="jp-WindlassGpus-value">{spreadText(engine, devices, trans)}</span>
        <span>{trans.__('Mem')}</span>
        <Meter fraction={memory.mean} kind="memory" least={memory.least} most={memory.most} />
        <span className="jp-WindlassGpus-value">{spreadText(memory, devices, trans)}</span>
      </div>
      {straggler !== null && (
        <div className="jp-WindlassGpus-warning">
          <WarningSign /> {stragglerText(straggler, trans)}
        </div>
      )}
      {money && <div className="jp-WindlassGpus-quiet">{money}</div>}
    </>
  );
}
