/** The runs of an experiment with all that belongs to them: filter, order, states, rows. The rows are the caller's. */
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { CommandIDs } from '../../commands';
import { useSignal } from '../../components/useSignal';
import type { ITracked } from '../../model/experiments';
import { RunFilterModel } from '../../model/runFilter';
import type { RunsModel } from '../../model/runs';
import type { IWindlass } from '../../tokens';
import { ListControls, SelectionBar } from './controls';
import { FilterField } from './filterField';
import type { IGridActions } from './grid';
import { InsteadOfRuns, RunsFoot, StaleRuns } from './states';

interface IRunsViewProps {
  readonly commands: CommandRegistry;
  readonly model: RunsModel;
  readonly tracked: ITracked;
  readonly windlass: IWindlass;
  readonly renderRows: (actions: IGridActions) => React.ReactNode;
}

/** The list of runs and what stands around it. */
export function RunsView(props: IRunsViewProps): React.JSX.Element {
  const { commands, model, tracked, windlass, renderRows } = props;
  const { trans } = windlass;
  const filter = useFilter(model, tracked);
  const count = useSignal(model.changed, () => model.rows.length);
  const status = useSignal(model.changed, () => model.status);
  const problem = useSignal(model.changed, () => model.problem);
  const actions = React.useMemo<IGridActions>(
    () => ({
      open: id => void commands.execute(CommandIDs.openRun, { id }),
      expand: (id, isExpanded) => model.expand(id, isExpanded),
      moreNested: id => void model.moreNested(id)
    }),
    [commands, model]
  );
  const isThere = count > 0 && status !== 'forbidden' && status !== 'absent';
  return (
    <div className={`jp-WindlassRuns${status === 'stale' ? ' jp-mod-stale' : ''}`}>
      <div className="jp-WindlassRuns-head">
        <FilterField model={filter} refused={problem?.fieldMessage('filter') ?? null} trans={trans} />
        <ListControls model={model} trans={trans} />
      </div>
      <SelectionBar commands={commands} selection={tracked.selection} trans={trans} />
      <StaleRuns model={model} trans={trans} />
      {isThere ? renderRows(actions) : <InsteadOfRuns model={model} trans={trans} />}
      {isThere && <RunsFoot model={model} trans={trans} />}
    </div>
  );
}

/** The filter of these runs, as it is typed. */
function useFilter(model: RunsModel, tracked: ITracked): RunFilterModel {
  const [filter, setFilter] = React.useState(() => makeFilter(model, tracked));
  const [of, setOf] = React.useState(model);
  if (of !== model) {
    setOf(model);
    setFilter(makeFilter(model, tracked));
  }
  React.useEffect(() => {
    const follow = (): void => {
      // Whoever clears the filter of the list clears the field.
      if (model.filter === '' && filter.text !== '' && isApplied.current) {
        isApplied.current = false;
        filter.type('', 0);
      } else if (model.filter !== '') {
        isApplied.current = true;
      }
    };
    model.changed.connect(follow);
    return () => {
      model.changed.disconnect(follow);
    };
  }, [model, filter]);
  const isApplied = React.useRef(false);
  return filter;
}

function makeFilter(model: RunsModel, { client }: ITracked): RunFilterModel {
  return new RunFilterModel({
    client,
    experimentIds: [model.experimentId],
    onApply: text => model.setFilter(text)
  });
}
