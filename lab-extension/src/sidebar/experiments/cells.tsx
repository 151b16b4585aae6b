/** The parts of a run's row that the panel and the table share: the box to choose it, and the opener of its group. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { RunSelection } from '../../model/selection';
import type { IGridActions, RunRowProps } from './grid';

interface IChoiceProps {
  readonly row: RunRowProps;
  readonly isChosen: boolean;
  readonly selection: RunSelection;
  readonly trans: TranslationBundle;
}

/** Chooses the run to be compared. Reached by the space key on its row. */
export function Choice({ row, isChosen, selection, trans }: IChoiceProps): React.JSX.Element {
  const { run } = row.loaded;
  return (
    <input
      type="checkbox"
      className="jp-WindlassGrid-choice"
      tabIndex={-1}
      checked={isChosen}
      aria-label={trans.__('Choose %1 to compare', run.name)}
      title={trans.__('Choose to compare (space)')}
      onClick={event => event.stopPropagation()}
      onChange={() => selection.toggle(run.id)}
    />
  );
}

interface IOpenerProps {
  readonly row: RunRowProps;
  readonly actions: IGridActions;
  readonly trans: TranslationBundle;
}

/** Opens and closes the group of runs nested under one; room for it where there is none. */
export function Opener({ row, actions, trans }: IOpenerProps): React.JSX.Element {
  if (row.isParent === false) {
    return <span className="jp-WindlassGrid-opener" />;
  }
  const Icon = row.isExpanded ? caretDownIcon : caretRightIcon;
  const label = row.isExpanded ? trans.__('Hide nested runs') : trans.__('Show nested runs');
  return (
    <button
      type="button"
      className={`jp-WindlassGrid-opener${row.isParent === null ? ' jp-mod-unsure' : ''}`}
      tabIndex={-1}
      title={label}
      aria-label={label}
      onClick={event => {
        event.stopPropagation();
        actions.expand(row.loaded.run.id, !row.isExpanded);
      }}
    >
      <Icon.react tag="span" aria-hidden />
    </button>
  );
}
