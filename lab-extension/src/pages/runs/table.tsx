/** Runs as a wide table: a column for each value, the name and the headings always in sight. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { RunStateBadge } from '../../components/runState';
import { useSignal } from '../../components/useSignal';
import { columnLabel, columnOf, isNumeric, isSortable } from '../../model/columns';
import type { RunsModel } from '../../model/runs';
import type { RunSelection } from '../../model/selection';
import { Choice, Opener } from '../../sidebar/experiments/cells';
import { cellOf } from '../../sidebar/experiments/describe';
import type { IGridActions, RunRowProps } from '../../sidebar/experiments/grid';
import { RunGrid } from '../../sidebar/experiments/grid';

const ROW_PIXELS = 28;
const NAME_PIXELS = 280;
const NAME = 'attributes.run_name';

interface ITableProps {
  readonly actions: IGridActions;
  readonly runs: RunsModel;
  readonly selection: RunSelection;
  readonly trans: TranslationBundle;
}

/** The table. */
export function RunsTable({ actions, runs, selection, trans }: ITableProps): React.JSX.Element {
  const rows = useSignal(runs.changed, () => runs.rows);
  const hasMore = useSignal(runs.changed, () => runs.hasMore);
  const columns = useSignal(runs.changed, () => runs.columns);
  const render = React.useCallback(
    (row: RunRowProps, isChosen: boolean) => (
      <TableRow
        actions={actions}
        columns={columns}
        isChosen={isChosen}
        row={row}
        selection={selection}
        trans={trans}
      />
    ),
    [actions, columns, selection, trans]
  );
  const onNearEnd = React.useCallback(() => void (runs.moreProblem === null && runs.more()), [runs]);
  return (
    <RunGrid
      actions={actions}
      className="jp-mod-table"
      hasMore={hasMore}
      head={<Head runs={runs} columns={columns} trans={trans} />}
      headPixels={ROW_PIXELS}
      label={trans.__('Runs')}
      onNearEnd={onNearEnd}
      renderCells={render}
      rowPixels={ROW_PIXELS}
      rows={rows}
      selection={selection}
      trans={trans}
    />
  );
}

interface ITableRowProps extends Omit<ITableProps, 'runs'> {
  readonly columns: readonly string[];
  readonly isChosen: boolean;
  readonly row: RunRowProps;
}

function TableRow(props: ITableRowProps): React.JSX.Element {
  const { actions, columns, isChosen, row, selection, trans } = props;
  const { run } = row.loaded;
  return (
    <>
      <span className="jp-WindlassGrid-cell jp-mod-first" role="gridcell" style={{ width: NAME_PIXELS }}>
        <Choice row={row} isChosen={isChosen} selection={selection} trans={trans} />
        <Opener row={row} actions={actions} trans={trans} />
        <RunStateBadge status={run.status} isIconOnly trans={trans} />
        <span className="jp-WindlassGrid-name" title={run.name}>
          {run.name}
        </span>
      </span>
      {columns.map(column => {
        const { text, title, isNumber } = cellOf(row.loaded, column, trans);
        return (
          <span
            key={column}
            className={`jp-WindlassGrid-cell${isNumber ? ' jp-mod-number' : ''}`}
            role="gridcell"
            style={{ width: widthOf(column) }}
            title={title ?? undefined}
          >
            {text}
          </span>
        );
      })}
    </>
  );
}

/** The width of a column in pixels: what its kind of value needs. */
function widthOf(column: string): number {
  const { kind, key } = columnOf(column);
  if (kind !== 'attributes') {
    return kind === 'tags' ? 160 : 124;
  }
  return (
    { start_time: 152, end_time: 152, duration: 92, cost: 84, gpu_hours: 92, git_commit: 96, notebook: 190 }[
      key
    ] ?? 130
  );
}

interface IHeadProps {
  readonly runs: RunsModel;
  readonly columns: readonly string[];
  readonly trans: TranslationBundle;
}

/** The headings; a press on one sorts by it. */
function Head({ runs, columns, trans }: IHeadProps): React.JSX.Element {
  const { sort, descending } = useSignal(runs.changed, () => runs.view);
  const sortBy = (column: string): void =>
    // A name is looked for from its beginning, a value from its best.
    runs.setView(
      column === sort ? { descending: !descending } : { sort: column, descending: column !== NAME }
    );
  return (
    <div className="jp-WindlassGrid-head" role="row" aria-rowindex={1}>
      {[NAME, ...columns].map(column => {
        const isSorted = column === sort;
        const isNumber = isNumeric(column);
        return (
          <span
            key={column}
            className={`jp-WindlassGrid-cell${column === NAME ? ' jp-mod-first' : ''}${isNumber ? ' jp-mod-number' : ''}`}
            role="columnheader"
            aria-sort={isSorted ? (descending ? 'descending' : 'ascending') : undefined}
            style={{ width: column === NAME ? NAME_PIXELS : widthOf(column) }}
          >
            {isSortable(column) ? (
              <SortButton
                label={columnLabel(column, trans)}
                isSorted={isSorted}
                isDescending={descending}
                onSort={() => sortBy(column)}
                trans={trans}
              />
            ) : (
              <span title={columnLabel(column, trans)}>{columnLabel(column, trans)}</span>
            )}
          </span>
        );
      })}
    </div>
  );
}

interface ISortProps {
  readonly label: string;
  readonly isSorted: boolean;
  readonly isDescending: boolean;
  readonly onSort: () => void;
  readonly trans: TranslationBundle;
}

function SortButton({ label, isSorted, isDescending, onSort, trans }: ISortProps): React.JSX.Element {
  const Icon = isDescending ? caretDownIcon : caretUpIcon;
  return (
    <button
      type="button"
      className="jp-WindlassGrid-sort"
      title={trans.__('Sort by %1', label)}
      onClick={onSort}
    >
      <span>{label}</span>
      {isSorted && <Icon.react tag="span" aria-hidden width="14px" height="14px" />}
    </button>
  );
}
