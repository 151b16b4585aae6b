/** The head of a run's page: what it is, how it went, and what can be done with it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { RunDetail } from '../../api/types';
import { CommandIDs } from '../../commands';
import { formatDuration } from '../../components/duration';
import { formatMoment } from '../../components/quantities';
import { RunStateBadge } from '../../components/runState';
import { useSignal } from '../../components/useSignal';
import type { RunSelection } from '../../model/selection';
import { CompareButton } from '../../sidebar/experiments/controls';
import { formatCost } from '../../sidebar/experiments/describe';
import type { IRunActions } from './actions';

interface IHeaderProps {
  readonly actions: IRunActions;
  readonly commands: CommandRegistry;
  readonly detail: RunDetail;
  readonly isStale: boolean;
  readonly selection: RunSelection;
  readonly trans: TranslationBundle;
}

/** The head of the page. */
export function RunHeader(props: IHeaderProps): React.JSX.Element {
  const { commands, detail, isStale, trans } = props;
  const { run } = detail;
  return (
    <header className="jp-WindlassJobHeader">
      <div className="jp-WindlassJobHeader-line">
        <h2 title={run.name}>{run.name}</h2>
        <Actions {...props} />
      </div>
      <div className="jp-WindlassJobHeader-line jp-mod-status">
        <span role="status">
          <RunStateBadge status={run.status} trans={trans} />
        </span>
        {run.duration_seconds !== null && (
          <span className="jp-WindlassJobHeader-elapsed">{formatDuration(run.duration_seconds)}</span>
        )}
        {run.started_at !== null && <span>{formatMoment(run.started_at)}</span>}
        {run.user !== null && <span>{run.user}</span>}
        <span>{run.cost_usd === null ? trans.__('cost unknown') : formatCost(run.cost_usd)}</span>
        <button
          type="button"
          className="jp-WindlassLink"
          onClick={() => void commands.execute(CommandIDs.openRuns, { id: run.experiment_id })}
        >
          {detail.experiment_name ?? trans.__('Experiment %1', run.experiment_id)}
        </button>
        {run.deleted && <span className="jp-WindlassJobHeader-stale">{trans.__('Deleted in MLflow')}</span>}
        {isStale && (
          <span className="jp-WindlassJobHeader-stale">
            {trans.__('Not current: MLflow or the server does not answer')}
          </span>
        )}
      </div>
    </header>
  );
}

function Actions(props: IHeaderProps): React.JSX.Element {
  const { actions, commands, detail, selection, trans } = props;
  const { run } = detail;
  const ids = useSignal(selection.changed, () => selection.ids);
  const isChosen = ids.includes(run.id);
  return (
    <div className="jp-WindlassJobHeader-actions" role="toolbar" aria-label={trans.__('Actions')}>
      <button
        type="button"
        className="jp-WindlassButton"
        disabled={!detail.can_rerun}
        title={detail.can_rerun ? undefined : trans.__('What was sent for this run is not kept')}
        onClick={actions.rerun}
      >
        {trans.__('Run Again…')}
      </button>
      {run.job_id !== null && (
        <button
          type="button"
          className="jp-WindlassButton"
          onClick={() => void commands.execute(CommandIDs.openJob, { id: run.job_id })}
        >
          {trans.__('Open Job')}
        </button>
      )}
      <button
        type="button"
        className="jp-WindlassToggle"
        aria-pressed={isChosen}
        onClick={() => selection.toggle(run.id)}
      >
        {trans.__('Choose to Compare')}
      </button>
      {isChosen && <CompareButton commands={commands} selection={selection} trans={trans} />}
      {isWebAddress(run.url) && (
        <a className="jp-WindlassButton" href={run.url} target="_blank" rel="noopener noreferrer">
          {trans.__('Open in MLflow')}
        </a>
      )}
    </div>
  );
}

/** Nothing but a web address may stand behind a link. */
function isWebAddress(url: string | null): url is string {
  return url !== null && /^https?:\/\//i.test(url);
}
