/** The tree of files. One row is in the tab order; arrows move, open and close. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon, fileIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { toMessage } from '../../../api/errors';
import { formatBytes } from '../../../components/quantities';
import { useSignal } from '../../../components/useSignal';
import type { FilesModel, IFileRow } from './model';

interface ITreeProps {
  readonly model: FilesModel;
  readonly chosen: IFileRow | null;
  readonly onChoose: (row: IFileRow) => void;
  readonly trans: TranslationBundle;
}

/** The tree. */
export function FileTree({ model, chosen, onChoose, trans }: ITreeProps): React.JSX.Element {
  const rows = useSignal(model.changed, () => model.rows);
  const [active, setActive] = React.useState(0);
  const tree = React.useRef<HTMLDivElement>(null);
  const current = Math.min(active, rows.length - 1);
  const act = (row: IFileRow): void => {
    if (row.kind === 'folder') {
      model.toggle(row.key);
    } else if (row.kind === 'file') {
      onChoose(row);
    } else if (row.kind !== 'nothing') {
      void model.read(row.key.slice(0, -1));
    }
  };
  const focus = (index: number): void => {
    const clamped = Math.max(0, Math.min(rows.length - 1, index));
    setActive(clamped);
    tree.current?.querySelectorAll<HTMLElement>('[role="treeitem"]')[clamped]?.focus();
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const row = rows[current];
    if (row && handleKey({ act, current, focus, key: event.key, row, rows })) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  return (
    <div
      ref={tree}
      className="jp-WindlassFiles-list"
      role="tree"
      aria-label={trans.__('Files')}
      onKeyDown={onKeyDown}
    >
      {rows.map((row, index) => (
        <div
          key={row.key}
          className={`jp-WindlassFiles-item${row.key === chosen?.key ? ' jp-mod-chosen' : ''}`}
          role="treeitem"
          aria-level={row.depth + 1}
          aria-expanded={row.kind === 'folder' ? row.isExpanded : undefined}
          aria-selected={row.key === chosen?.key}
          tabIndex={index === current ? 0 : -1}
          style={{ paddingLeft: 6 + row.depth * 14 }}
          title={row.path || row.label}
          onFocus={() => setActive(index)}
          onClick={() => act(row)}
        >
          <RowText model={model} row={row} trans={trans} />
        </div>
      ))}
    </div>
  );
}

interface IRowTextProps extends Pick<ITreeProps, 'model' | 'trans'> {
  readonly row: IFileRow;
}

function RowText({ model, row, trans }: IRowTextProps): React.JSX.Element {
  switch (row.kind) {
    case 'folder': {
      const Caret = row.isExpanded ? caretDownIcon : caretRightIcon;
      return (
        <>
          <Caret.react tag="span" aria-hidden className="jp-WindlassFiles-icon" />
          <folderIcon.react tag="span" aria-hidden className="jp-WindlassFiles-icon" />
          <span className="jp-WindlassFiles-name">{row.label}</span>
        </>
      );
    }
    case 'file':
      return (
        <>
          <span className="jp-WindlassFiles-icon" />
          <fileIcon.react tag="span" aria-hidden className="jp-WindlassFiles-icon" />
          <span className="jp-WindlassFiles-name">{row.label}</span>
          {row.sizeBytes !== null && <span className="jp-WindlassMuted">{formatBytes(row.sizeBytes)}</span>}
        </>
      );
    case 'loading':
      return <span className="jp-WindlassMuted">{trans.__('Loading…')}</span>;
    case 'more':
      return <span className="jp-WindlassFiles-more">{trans.__('Show more')}</span>;
    case 'nothing':
      return <span className="jp-WindlassMuted">{trans.__('Nothing is here.')}</span>;
    case 'problem':
      return (
        <span className="jp-WindlassFiles-problem">
          {toMessage(model.problemOf(row), trans)} {trans.__('Press to try again.')}
        </span>
      );
  }
}

interface IKeyContext {
  readonly act: (row: IFileRow) => void;
  readonly current: number;
  readonly focus: (index: number) => void;
  readonly key: string;
  readonly row: IFileRow;
  readonly rows: readonly IFileRow[];
}

/** Do what a key means here; returns whether it means anything. */
function handleKey({ act, current, focus, key, row, rows }: IKeyContext): boolean {
  const moves: Record<string, number> = {
    ArrowDown: current + 1,
    ArrowUp: current - 1,
    Home: 0,
    End: rows.length - 1
  };
  const next = moves[key];
  if (next !== undefined) {
    focus(next);
    return true;
  }
  const isFolder = row.kind === 'folder';
  if (key === 'Enter' || key === ' ' || (isFolder && key === (row.isExpanded ? 'ArrowLeft' : 'ArrowRight'))) {
    act(row);
    return true;
  }
  if (key === 'ArrowRight' && isFolder) {
    focus(current + 1);
  } else if (key === 'ArrowLeft') {
    focus(parentOf(rows, current));
  }
  return key === 'ArrowRight' || key === 'ArrowLeft';
}

/** The row of the folder that a row is in; the row itself at the top. */
function parentOf(rows: readonly IFileRow[], current: number): number {
  const depth = rows[current]?.depth ?? 0;
  for (let index = current - 1; index >= 0; index--) {
    if ((rows[index]?.depth ?? 0) < depth) {
      return index;
    }
  }
  return current;
}
