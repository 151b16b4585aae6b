/** What the Experiments section shows: the experiment, and its runs in rows of two lines. */
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import { StateView } from '../../components/stateView';
import { useSignal } from '../../components/useSignal';
import type { ExperimentsModel, ITracked } from '../../model/experiments';
import type { RunsModel } from '../../model/runs';
import type { IWindlass } from '../../tokens';
import { CompactRow } from './compactRow';
import type { IGridActions, RunRowProps } from './grid';
import { RunGrid } from './grid';
import { ExperimentPicker } from './picker';
import { RunsView } from './runsView';

const ROW_PIXELS = 42;

/** The body of the Experiments section. */
export function ExperimentsBody(props: ExperimentsBody.IProps): React.JSX.Element {
  const { commands, experiments, runs, tracked, windlass } = props;
  const { trans } = windlass;
  const current = useSignal(experiments.changed, () => experiments.current);
  if (current === null || runs === null) {
    return <NoExperiment experiments={experiments} windlass={windlass} />;
  }
  return (
    <div className="jp-WindlassExperiments">
      <ExperimentPicker model={experiments} trans={trans} />
      <RunsView
        key={runs.experimentId}
        commands={commands}
        model={runs}
        tracked={tracked}
        windlass={windlass}
        renderRows={actions => (
          <CompactRows actions={actions} runs={runs} tracked={tracked} windlass={windlass} />
        )}
      />
    </div>
  );
}

/** A namespace for `ExperimentsBody` statics. */
export namespace ExperimentsBody {
  /** The properties of `ExperimentsBody`. */
  export interface IProps {
    readonly commands: CommandRegistry;
    readonly experiments: ExperimentsModel;
    /** Of the current experiment; null: there is none. */
    readonly runs: RunsModel | null;
    readonly tracked: ITracked;
    readonly windlass: IWindlass;
  }
}

interface ICompactRowsProps {
  readonly actions: IGridActions;
  readonly runs: RunsModel;
  readonly tracked: ITracked;
  readonly windlass: IWindlass;
}

function CompactRows({ actions, runs, tracked, windlass }: ICompactRowsProps): React.JSX.Element {
  const { trans } = windlass;
  const { selection } = tracked;
  const rows = useSignal(runs.changed, () => runs.rows);
  const hasMore = useSignal(runs.changed, () => runs.hasMore);
  const columns = useSignal(runs.changed, () => runs.columns);
  const render = React.useCallback(
    (row: RunRowProps, isChosen: boolean) => (
      <CompactRow
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
      className="jp-mod-compact"
      hasMore={hasMore}
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

/** No experiment is known: not yet, none is there, or MLflow cannot be asked. */
function NoExperiment(props: Pick<ExperimentsBody.IProps, 'experiments' | 'windlass'>): React.JSX.Element {
  const { experiments, windlass } = props;
  const { trans } = windlass;
  const problem = useSignal(experiments.changed, () => experiments.problem);
  const isLoading = useSignal(experiments.changed, () => experiments.isLoading);
  const retry = { label: trans.__('Try again'), act: () => void experiments.search('') };
  if (problem) {
    const kind = problem.kind === 'forbidden' || problem.kind === 'absent' ? problem.kind : 'error';
    return <StateView kind={kind} text={toMessage(problem, trans)} actions={[retry]} />;
  }
  return isLoading ? (
    <StateView kind="loading" text={trans.__('Loading experiments…')} />
  ) : (
    <StateView
      kind="empty"
      text={trans.__('No experiments yet.')}
      detail={trans.__('Train a notebook that logs with mlflow, and its runs appear here.')}
      actions={[retry]}
    />
  );
}
