/** What is said when there are no runs to list, or the list is not current, and what can be done about it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import { StateView } from '../../components/stateView';
import { useSignal } from '../../components/useSignal';
import type { RunsModel } from '../../model/runs';

interface IProps {
  readonly model: RunsModel;
  readonly trans: TranslationBundle;
}

/** In the list's stead: why there is none. */
export function InsteadOfRuns({ model, trans }: IProps): React.JSX.Element {
  const status = useSignal(model.changed, () => model.status);
  const problem = useSignal(model.changed, () => model.problem);
  const filter = useSignal(model.changed, () => model.filter);
  const retry = { label: trans.__('Try again'), act: () => void model.refresh() };
  if (status === 'loading') {
    return <StateView kind="loading" text={trans.__('Loading runs…')} />;
  }
  if (status === 'ready' || status === 'stale') {
    return filter === '' ? (
      <StateView
        kind="empty"
        text={trans.__('No runs yet.')}
        detail={trans.__('Whatever a notebook logs with mlflow in this experiment appears here.')}
        actions={[{ label: trans.__('Look again'), act: () => void model.refresh() }]}
      />
    ) : (
      <StateView
        kind="empty"
        text={trans.__('No run matches the filter.')}
        actions={[{ label: trans.__('Show all runs'), act: () => model.setFilter('') }]}
      />
    );
  }
  return <StateView kind={status} text={toMessage(problem, trans)} actions={[retry]} />;
}

/** Above a list that is not current: since when, and why. */
export function StaleRuns({ model, trans }: IProps): React.JSX.Element | null {
  const status = useSignal(model.changed, () => model.status);
  const problem = useSignal(model.changed, () => model.problem);
  const readAt = useSignal(model.changed, () => model.readAt);
  if (status !== 'stale' || problem?.fieldMessage('filter')) {
    return null;
  }
  return (
    <div className="jp-WindlassRuns-stale" role="status">
      <span>
        {trans.__('As of %1.', readAt?.toLocaleTimeString() ?? '')} {toMessage(problem, trans)}
      </span>
      <button className="jp-WindlassButton" type="button" onClick={() => void model.refresh()}>
        {trans.__('Try again')}
      </button>
    </div>
  );
}

/** Below the list: how many runs it has, and whether there are more. */
export function RunsFoot({ model, trans }: IProps): React.JSX.Element {
  const rows = useSignal(model.changed, () => model.rows);
  const hasMore = useSignal(model.changed, () => model.hasMore);
  const isLoading = useSignal(model.changed, () => model.isLoadingMore);
  const problem = useSignal(model.changed, () => model.moreProblem);
  const count = rows.filter(row => row.kind === 'run').length.toLocaleString();
  if (problem) {
    return (
      <div className="jp-WindlassRuns-foot jp-mod-error" role="alert">
        <span>{trans.__('More could not be read: %1', toMessage(problem, trans))}</span>
        <button className="jp-WindlassButton" type="button" onClick={() => void model.more()}>
          {trans.__('Try again')}
        </button>
      </div>
    );
  }
  const text = hasMore ? trans.__('%1 runs, and more below', count) : trans.__('%1 runs', count);
  return (
    <div className="jp-WindlassRuns-foot" role="status">
      {isLoading ? trans.__('%1 runs, loading more…', count) : text}
    </div>
  );
}
