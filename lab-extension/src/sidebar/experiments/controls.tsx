/** What stands between the filter and the runs: order, columns, groups; and what can be done with the chosen runs. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { caretDownIcon, caretUpIcon, listIcon, tableRowsIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { CommandIDs } from '../../commands';
import { useSignal } from '../../components/useSignal';
import { columnLabel, START_TIME } from '../../model/columns';
import type { RunsModel } from '../../model/runs';
import type { RunSelection } from '../../model/selection';
import { ColumnChooser } from './columnChooser';

const SORTS = [
  START_TIME,
  'attributes.end_time',
  'attributes.run_name',
  'attributes.status',
  'attributes.user_id',
  'attributes.cost',
  'attributes.gpu_hours'
];

interface IControlsProps {
  readonly model: RunsModel;
  /** Whether runs can be sorted here; a table's headings do that too. */
  readonly trans: TranslationBundle;
}

/** The order, the columns and the groups. */
export function ListControls({ model, trans }: IControlsProps): React.JSX.Element {
  const view = useSignal(model.changed, () => model.view);
  const isGrouped = useSignal(model.changed, () => model.isGrouped);
  const filter = useSignal(model.changed, () => model.filter);
  const [isChoosing, setChoosing] = React.useState(false);
  const button = React.useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setChoosing(false);
    button.current?.focus();
  };
  return (
    <div className="jp-WindlassRuns-controls" role="toolbar" aria-label={trans.__('How the runs are shown')}>
      <SortSelect model={model} trans={trans} />
      <IconToggle
        icon={view.descending ? caretDownIcon : caretUpIcon}
        label={view.descending ? trans.__('Greatest first') : trans.__('Least first')}
        onClick={() => model.setView({ descending: !view.descending })}
      />
      <IconToggle
        icon={listIcon}
        label={filter === '' ? trans.__('Group nested runs') : trans.__('What a filter finds is not grouped')}
        isPressed={isGrouped}
        isDisabled={filter !== ''}
        onClick={() => model.setView({ isGrouped: !view.isGrouped })}
      />
      <button
        ref={button}
        type="button"
        className="jp-WindlassIconButton"
        title={trans.__('Columns')}
        aria-label={trans.__('Columns')}
        aria-haspopup="dialog"
        aria-expanded={isChoosing}
        onClick={() => setChoosing(!isChoosing)}
      >
        <tableRowsIcon.react tag="span" aria-hidden width="16px" height="16px" />
      </button>
      {isChoosing && <ColumnChooser model={model} onClose={close} trans={trans} />}
    </div>
  );
}

function SortSelect({ model, trans }: IControlsProps): React.JSX.Element {
  const { sort } = useSignal(model.changed, () => model.view);
  const known = useSignal(model.changed, () => model.known);
  const metrics = (known?.metrics ?? []).map(key => `metrics.${key}`);
  const params = (known?.params ?? []).map(key => `params.${key}`);
  const isListed = [...SORTS, ...metrics, ...params].includes(sort);
  const options = (ids: readonly string[]): React.JSX.Element[] =>
    ids.map(id => (
      <option key={id} value={id}>
        {columnLabel(id, trans)}
      </option>
    ));
  return (
    <select
      className="jp-WindlassSelect jp-WindlassRuns-sort"
      value={sort}
      aria-label={trans.__('Sort by')}
      title={trans.__('Sort by %1', columnLabel(sort, trans))}
      onChange={event => model.setView({ sort: event.target.value })}
    >
      {!isListed && options([sort])}
      <optgroup label={trans.__('Run')}>{options(SORTS)}</optgroup>
      {metrics.length > 0 && <optgroup label={trans.__('Metrics')}>{options(metrics)}</optgroup>}
      {params.length > 0 && <optgroup label={trans.__('Parameters')}>{options(params)}</optgroup>}
    </select>
  );
}

interface IToggleProps {
  readonly icon: LabIcon;
  readonly label: string;
  /** Whether it is on; undefined: it is no switch. */
  readonly isPressed?: boolean;
  readonly isDisabled?: boolean;
  readonly onClick: () => void;
}

function IconToggle({ icon, label, isPressed, isDisabled, onClick }: IToggleProps): React.JSX.Element {
  return (
    <button
      type="button"
      className="jp-WindlassIconButton"
      title={label}
      aria-label={label}
      aria-pressed={isPressed}
      disabled={isDisabled}
      onClick={onClick}
    >
      <icon.react tag="span" aria-hidden width="16px" height="16px" />
    </button>
  );
}

interface ISelectionProps {
  readonly commands: CommandRegistry;
  readonly selection: RunSelection;
  readonly trans: TranslationBundle;
}

/** How many runs are chosen, and what can be done with them; nothing when none is. */
export function SelectionBar({ commands, selection, trans }: ISelectionProps): React.JSX.Element | null {
  const ids = useSignal(selection.changed, () => selection.ids);
  if (ids.length === 0) {
    return null;
  }
  return (
    <div className="jp-WindlassRuns-selection" role="status">
      <span>{trans._n('%1 chosen', '%1 chosen', ids.length)}</span>
      <CompareButton commands={commands} selection={selection} trans={trans} />
      <button type="button" className="jp-WindlassLink" onClick={() => selection.clear()}>
        {trans.__('Clear')}
      </button>
    </div>
  );
}

/** Opens the comparison of the chosen runs. */
export function CompareButton({ commands, selection, trans }: ISelectionProps): React.JSX.Element {
  const ids = useSignal(selection.changed, () => selection.ids);
  const isThere = useSignal(commands.commandChanged, () => commands.hasCommand(CommandIDs.compareRuns));
  return (
    <button
      type="button"
      className="jp-WindlassButton"
      disabled={!isThere || ids.length < 2}
      title={ids.length < 2 ? trans.__('Choose two runs or more') : undefined}
      onClick={() => void commands.execute(CommandIDs.compareRuns, { ids: [...ids] })}
    >
      {ids.length > 1 ? trans.__('Compare (%1)', ids.length) : trans.__('Compare')}
    </button>
  );
}
