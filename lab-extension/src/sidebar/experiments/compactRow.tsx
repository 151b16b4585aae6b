/** A run in the panel: state, name and when above; what it measured below. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { RunStateBadge } from '../../components/runState';
import { columnLabel, isAsked } from '../../model/columns';
import type { ILoadedRun } from '../../model/runRows';
import type { RunSelection } from '../../model/selection';
import { Choice, Opener } from './cells';
import { cellOf, formatBriefMoment, formatShortMoment, UNKNOWN } from './describe';
import type { IGridActions, RunRowProps } from './grid';

/** So many values fit in the second line. */
const MOST_VALUES = 4;

interface ICompactProps {
  readonly actions: IGridActions;
  readonly columns: readonly string[];
  readonly isChosen: boolean;
  readonly row: RunRowProps;
  readonly selection: RunSelection;
  readonly trans: TranslationBundle;
}

/** The cells of a compact row. */
export function CompactRow(props: ICompactProps): React.JSX.Element {
  const { actions, columns, isChosen, row, selection, trans } = props;
  const { run } = row.loaded;
  return (
    <>
      <span className="jp-WindlassRun-choice" role="gridcell">
        <Choice row={row} isChosen={isChosen} selection={selection} trans={trans} />
      </span>
      <span className="jp-WindlassRun-cell" role="gridcell">
        <Opener row={row} actions={actions} trans={trans} />
        <RunStateBadge status={run.status} isIconOnly trans={trans} />
        <span className="jp-WindlassRun-name" title={run.name}>
          {run.name}
        </span>
        <span
          className="jp-WindlassRun-time"
          title={run.started_at === null ? undefined : formatShortMoment(run.started_at)}
        >
          {run.started_at === null ? '' : formatBriefMoment(run.started_at)}
        </span>
        <span className="jp-WindlassRun-line">
          <Values loaded={row.loaded} columns={columns} trans={trans} />
        </span>
      </span>
    </>
  );
}

interface IValuesProps {
  readonly loaded: ILoadedRun;
  readonly columns: readonly string[];
  readonly trans: TranslationBundle;
}

/** The first values that the run has of the columns in view; who made it and how long it took when it has none. */
function Values({ loaded, columns, trans }: IValuesProps): React.JSX.Element {
  const own = columns.filter(isAsked);
  const rest = ['attributes.user_id', 'attributes.duration', 'attributes.cost'];
  const has = (column: string): boolean => cellOf(loaded, column, trans).text !== UNKNOWN;
  const wanted = own.filter(has);
  const shown = (wanted.length > 0 ? wanted : rest.filter(has)).slice(0, MOST_VALUES);
  return (
    <>
      {shown.map(column => {
        const { text, title } = cellOf(loaded, column, trans);
        const name = columnLabel(column, trans);
        return (
          <span key={column} className="jp-WindlassRun-value" title={`${name}: ${title ?? text}`}>
            {isAsked(column) && <span className="jp-WindlassRun-key">{name} </span>}
            {text}
          </span>
        );
      })}
    </>
  );
}
