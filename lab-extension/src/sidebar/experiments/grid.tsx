/**
 * Runs as a tree of rows of one height, of which only those in sight are in the document.
 *
 * One row is in the tab order and stays in the document wherever it is; arrows move among rows, open and close groups.
 * What is in a row is its user's.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { useSignal } from '../../components/useSignal';
import { useWindow } from '../../components/useWindow';
import type { IRunRow } from '../../model/runRows';
import type { RunSelection } from '../../model/selection';

/** So near the end of what was read, the next page is asked for. */
const NEAR_ROWS = 25;

/** A row that is a run. */
export type RunRowProps = Extract<IRunRow, { kind: 'run' }>;

/** What rows can ask of their list. */
export interface IGridActions {
  readonly open: (runId: string) => void;
  readonly expand: (runId: string, isExpanded: boolean) => void;
  readonly moreNested: (runId: string) => void;
}

/** The properties of `RunGrid`. */
export interface IGridProps {
  readonly actions: IGridActions;
  readonly className?: string;
  readonly hasMore: boolean;
  /** A row of headings, which stays in sight. */
  readonly head?: React.ReactNode;
  readonly headPixels?: number;
  readonly label: string;
  readonly onNearEnd: () => void;
  /** What is in the row of a run. The same function while it shows the same. */
  readonly renderCells: (row: RunRowProps, isChosen: boolean) => React.ReactNode;
  readonly rowPixels: number;
  readonly rows: readonly IRunRow[];
  readonly selection: RunSelection;
  readonly trans: TranslationBundle;
}

/** The list. */
export function RunGrid(props: IGridProps): React.JSX.Element {
  const { className, hasMore, head, headPixels = 0, label, onNearEnd, rowPixels, rows, selection } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const list = useWindow(scroller, { rowPixels, headPixels });
  const [from, to] = list.range(rows.length);
  const [active, setActive] = React.useState<IActive>({ key: null, index: 0 });
  const chosen = useSignal(selection.changed, () => selection.ids);
  const current = indexOfActive(rows, active);
  const focusSoon = useFocusAfterRender(scroller, current);

  React.useEffect(() => {
    if (hasMore && to >= rows.length - NEAR_ROWS) {
      onNearEnd();
    }
  }, [hasMore, onNearEnd, rows.length, to]);

  const focusRow = (index: number): void => {
    const clamped = Math.max(0, Math.min(rows.length - 1, index));
    focusSoon();
    setActive({ key: rows[clamped]?.key ?? null, index: clamped });
    list.reveal(clamped);
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const row = rows[current];
    const page = Math.max(1, list.sight.count - 2);
    if (row && handleKey({ actions: props.actions, current, event, focusRow, page, row, rows, selection })) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const onFocus = React.useCallback((key: string, index: number) => setActive({ key, index }), []);
  const shared = { ...props, firstIndex: head ? 2 : 1, onFocus };
  return (
    <div
      ref={scroller}
      className={`jp-WindlassGrid ${className ?? ''}`}
      role="treegrid"
      aria-label={label}
      aria-multiselectable
      aria-rowcount={hasMore ? -1 : rows.length + (head ? 1 : 0)}
      onKeyDown={onKeyDown}
    >
      {head}
      <div className="jp-WindlassGrid-rows" role="rowgroup" style={{ height: rows.length * rowPixels }}>
        {indexesToShow(from, to, current, rows.length).map(index => {
          const row = rows[index];
          const isChosen = row?.kind === 'run' && chosen.includes(row.loaded.run.id);
          const state = { index, isActive: index === current, isChosen };
          return row && <GridRow key={row.key} {...shared} {...state} row={row} />;
        })}
      </div>
    </div>
  );
}

/** Have the row in the tab order take the focus once it is in the document. */
function useFocusAfterRender(scroller: React.RefObject<HTMLElement>, current: number): () => void {
  const isWanted = React.useRef(false);
  React.useLayoutEffect(() => {
    if (isWanted.current) {
      isWanted.current = false;
      scroller.current?.querySelector<HTMLElement>(`[data-windlass-index="${current}"]`)?.focus();
    }
  });
  return () => {
    isWanted.current = true;
  };
}

/** The row in the tab order, and where it was, for when it is gone. */
interface IActive {
  readonly key: string | null;
  readonly index: number;
}

function indexOfActive(rows: readonly IRunRow[], { key, index }: IActive): number {
  if (rows[index]?.key === key) {
    return index;
  }
  const found = key === null ? -1 : rows.findIndex(row => row.key === key);
  return found >= 0 ? found : Math.max(0, Math.min(index, rows.length - 1));
}

/** The rows in sight, and the one in the tab order wherever it is. */
function indexesToShow(from: number, to: number, current: number, count: number): number[] {
  const indexes = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
  if (current < from && current < count) {
    indexes.unshift(current);
  } else if (current >= to && current < count) {
    indexes.push(current);
  }
  return indexes;
}

interface IGridRowProps extends Pick<IGridProps, 'actions' | 'renderCells' | 'rowPixels' | 'trans'> {
  readonly firstIndex: number;
  readonly index: number;
  readonly isActive: boolean;
  readonly isChosen: boolean;
  readonly onFocus: (key: string, index: number) => void;
  readonly row: IRunRow;
}

/** A row; rendered again only when something in it has changed. */
const GridRow = React.memo(
  function GridRow(props: IGridRowProps): React.JSX.Element {
    const { actions, firstIndex, index, isActive, isChosen, onFocus, renderCells, row, rowPixels, trans } =
      props;
    const shared = {
      'aria-level': row.depth + 1,
      'aria-rowindex': index + firstIndex,
      'data-windlass-index': index,
      role: 'row',
      style: {
        height: rowPixels,
        transform: `translateY(${index * rowPixels}px)`,
        '--windlass-depth': row.depth
      },
      tabIndex: isActive ? 0 : -1,
      onFocus: () => onFocus(row.key, index)
    };
    if (row.kind === 'note') {
      const act = (): void => actions.moreNested(row.parentId);
      return (
        <div {...shared} className="jp-WindlassGrid-row jp-mod-note">
          <Note note={row.note} onMore={act} trans={trans} />
        </div>
      );
    }
    const { run } = row.loaded;
    return (
      <div
        {...shared}
        className={`jp-WindlassGrid-row${isChosen ? ' jp-mod-chosen' : ''}`}
        aria-expanded={row.isParent === false ? undefined : row.isExpanded}
        aria-selected={isChosen}
        data-windlass-run={run.id}
        onClick={() => actions.open(run.id)}
      >
        {renderCells(row, isChosen)}
      </div>
    );
  },
  (before, after) =>
    before.row === after.row &&
    before.index === after.index &&
    before.isActive === after.isActive &&
    before.isChosen === after.isChosen &&
    before.renderCells === after.renderCells &&
    before.actions === after.actions
);

interface INoteProps {
  readonly note: Extract<IRunRow, { kind: 'note' }>['note'];
  readonly onMore: () => void;
  readonly trans: TranslationBundle;
}

function Note({ note, onMore, trans }: INoteProps): React.JSX.Element {
  const texts = {
    loading: trans.__('Loading nested runs…'),
    error: trans.__('The nested runs could not be read.'),
    none: trans.__('No runs are nested under it.'),
    more: '',
    ready: ''
  };
  return (
    <span className="jp-WindlassGrid-note" role="gridcell">
      {texts[note]}
      {(note === 'more' || note === 'error') && (
        <button
          type="button"
          className="jp-WindlassLink"
          tabIndex={-1}
          onClick={event => {
            event.stopPropagation();
            onMore();
          }}
        >
          {note === 'more' ? trans.__('Show more nested runs') : trans.__('Try again')}
        </button>
      )}
    </span>
  );
}

interface IKeyContext {
  readonly actions: IGridActions;
  readonly current: number;
  readonly event: React.KeyboardEvent;
  readonly focusRow: (index: number) => void;
  /** How many rows a page is. */
  readonly page: number;
  readonly row: IRunRow;
  readonly rows: readonly IRunRow[];
  readonly selection: RunSelection;
}

/** Do what a key means here; returns whether it means anything. */
function handleKey(context: IKeyContext): boolean {
  const { current, event, focusRow, page, rows } = context;
  const target = event.target as HTMLElement;
  if (!target.hasAttribute('data-windlass-index')) {
    // The headings, and what is pressed with the pointer, have keys of their own.
    return false;
  }
  const moves: Record<string, number> = {
    ArrowDown: current + 1,
    ArrowUp: current - 1,
    PageDown: current + page,
    PageUp: current - page,
    Home: 0,
    End: rows.length - 1
  };
  const next = moves[event.key];
  if (next !== undefined) {
    focusRow(next);
    return true;
  }
  return handleRowKey(context);
}

function handleRowKey(context: IKeyContext): boolean {
  const { actions, event, row, selection } = context;
  if (row.kind === 'note') {
    if (event.key === 'Enter' && (row.note === 'more' || row.note === 'error')) {
      actions.moreNested(row.parentId);
      return true;
    }
    return event.key === 'ArrowLeft' && toParent(context);
  }
  const { id } = row.loaded.run;
  switch (event.key) {
    case 'Enter':
      actions.open(id);
      return true;
    case ' ':
      selection.toggle(id);
      return true;
    case 'ArrowRight':
      return inward(context, row);
    case 'ArrowLeft':
      return outward(context, row);
    default:
      return false;
  }
}

/** Open a group, or go to its first run. */
function inward({ actions, current, focusRow }: IKeyContext, row: RunRowProps): boolean {
  if (row.isExpanded) {
    focusRow(current + 1);
  } else if (row.isParent !== false) {
    actions.expand(row.loaded.run.id, true);
  }
  return true;
}

/** Close a group, or go to the run that this one is nested under. */
function outward(context: IKeyContext, row: RunRowProps): boolean {
  if (!row.isExpanded) {
    return toParent(context);
  }
  context.actions.expand(row.loaded.run.id, false);
  return true;
}

function toParent({ current, focusRow, rows }: Pick<IKeyContext, 'current' | 'focusRow' | 'rows'>): boolean {
  const depth = rows[current]?.depth ?? 0;
  for (let index = current - 1; index >= 0 && depth > 0; index--) {
    if ((rows[index]?.depth ?? 0) < depth) {
      focusRow(index);
      return true;
    }
  }
  return depth > 0;
}
