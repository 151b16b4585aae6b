/** A table of files with sizes and reasons, which can be sorted by each column. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { formatBytes } from '../components/quantities';

/** A file in the table. */
export interface IFileRow {
  readonly path: string;
  /** null: not known. */
  readonly size_bytes: number | null;
  readonly reason: string;
}

type Column = 'path' | 'size_bytes' | 'reason';

interface ISortOrder {
  readonly column: Column;
  readonly isDescending: boolean;
}

interface IFileTableProps {
  readonly caption: string;
  readonly files: readonly IFileRow[];
  /** Beneath the table, when there is something to add up. */
  readonly totalBytes?: number;
  readonly trans: TranslationBundle;
}

/** The table; large files first until another order is chosen. */
export function FileTable({ caption, files, totalBytes, trans }: IFileTableProps): React.JSX.Element {
  const [order, setOrder] = React.useState<ISortOrder>({ column: 'size_bytes', isDescending: true });
  const sorted = React.useMemo(() => sortFiles(files, order), [files, order]);
  const header = (column: Column, label: string): React.JSX.Element => (
    <SortHeader column={column} label={label} order={order} onSort={setOrder} />
  );
  return (
    <table className="jp-WindlassTable jp-mod-files">
      <caption className="jp-WindlassUnseen">{caption}</caption>
      <thead>
        <tr>
          {header('path', trans.__('File'))}
          {header('size_bytes', trans.__('Size'))}
          {header('reason', trans.__('Why'))}
        </tr>
      </thead>
      <tbody>
        {sorted.map(file => (
          <tr key={file.path}>
            <td className="jp-mod-path" title={file.path}>
              {file.path}
            </td>
            <td className="jp-mod-number">
              {file.size_bytes === null ? trans.__('unknown') : formatBytes(file.size_bytes)}
            </td>
            <td>{file.reason}</td>
          </tr>
        ))}
      </tbody>
      {totalBytes !== undefined && (
        <tfoot>
          <tr>
            <th scope="row">{trans._n('%1 file', '%1 files', files.length)}</th>
            <td className="jp-mod-number">{formatBytes(totalBytes)}</td>
            <td />
          </tr>
        </tfoot>
      )}
    </table>
  );
}

interface ISortHeaderProps {
  readonly column: Column;
  readonly label: string;
  readonly order: ISortOrder;
  readonly onSort: (order: ISortOrder) => void;
}

function SortHeader({ column, label, order, onSort }: ISortHeaderProps): React.JSX.Element {
  const isSorted = order.column === column;
  const isDescending = isSorted ? !order.isDescending : column === 'size_bytes';
  const Caret = order.isDescending ? caretDownIcon : caretUpIcon;
  return (
    <th scope="col" aria-sort={isSorted ? (order.isDescending ? 'descending' : 'ascending') : 'none'}>
      <button
        type="button"
        className="jp-WindlassTable-sort"
        onClick={() => onSort({ column, isDescending })}
      >
        {label}
        {isSorted && <Caret.react tag="span" aria-hidden />}
      </button>
    </th>
  );
}

/** Files in an order; an unknown size counts as the smallest. */
export function sortFiles(files: readonly IFileRow[], { column, isDescending }: ISortOrder): IFileRow[] {
  const direction = isDescending ? -1 : 1;
  return [...files].sort((a, b) => {
    const difference =
      column === 'size_bytes'
        ? (a.size_bytes ?? -1) - (b.size_bytes ?? -1)
        : a[column].localeCompare(b[column]);
    return difference === 0 ? a.path.localeCompare(b.path) : direction * difference;
  });
}
