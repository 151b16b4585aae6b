/** The head of a job's page: what it is, how it goes, and what can be done about it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { Job } from '../../api/types';
import { isFinal } from '../../api/types';
import { CommandIDs } from '../../commands';
import { formatDuration } from '../../components/duration';
import { JobStateBadge } from '../../components/jobState';
import { GpuCommandIDs } from '../../model/gpuCommands';
import { CostFigure } from './cost/figure';

interface IHeaderProps {
  readonly job: Job;
  readonly isStale: boolean;
  readonly elapsedSeconds: () => number | null;
  readonly commands: CommandRegistry;
  /** An action has ended, which may have made a job. */
  readonly onMade: (job: Job | undefined) => void;
  readonly onRerunWithParameters: () => void;
  readonly onShowCost: () => void;
  readonly trans: TranslationBundle;
}

/** The head of the page. */
export function Header(props: IHeaderProps): React.JSX.Element {
  const { job, isStale, trans } = props;
  return (
    <header className="jp-WindlassJobHeader">
      <div className="jp-WindlassJobHeader-line">
        <h2 title={job.name}>{job.name}</h2>
        <Actions {...props} />
      </div>
      <div className="jp-WindlassJobHeader-line jp-mod-status">
        <span role="status">
          <JobStateBadge state={job.state} trans={trans} />
        </span>
        <Elapsed {...props} />
        <CostFigure job={job} elapsedSeconds={props.elapsedSeconds} onShow={props.onShowCost} trans={trans} />
        <span>{trans._n('%1 process', '%1 processes', job.world_size)}</span>
        <span className="jp-WindlassMuted">
          {job.engine} · {job.kind}
        </span>
        {isStale && (
          <span className="jp-WindlassJobHeader-stale">
            {trans.__('Not current: the server does not answer')}
          </span>
        )}
      </div>
      {job.reason && !job.error && <p className="jp-WindlassJobHeader-reason">{job.reason}</p>}
      <Progress job={job} trans={trans} />
    </header>
  );
}

/** Time that ticks while the job runs. */
function Elapsed({ job, elapsedSeconds, trans }: IHeaderProps): React.JSX.Element | null {
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  const isTicking = job.started_at !== null && !isFinal(job.state);
  React.useEffect(() => {
    if (!isTicking) {
      return;
    }
    const timer = window.setInterval(tick, 1000);
    return () => window.clearInterval(timer);
  }, [isTicking]);
  const seconds = elapsedSeconds();
  return seconds === null ? null : (
    <span className="jp-WindlassJobHeader-elapsed" title={trans.__('Time from its start')}>
      {formatDuration(seconds)}
    </span>
  );
}

function Progress({ job, trans }: { job: Job; trans: TranslationBundle }): React.JSX.Element | null {
  const { fraction, message } = job.progress;
  const label = progressLabel(job, trans);
  if (fraction === null && !label && !message) {
    return null;
  }
  const percent = fraction === null ? null : Math.round(fraction * 100);
  return (
    <div className="jp-WindlassJobProgress">
      <div
        className={`jp-WindlassJobProgress-track jp-mod-${job.state}`}
        role="progressbar"
        aria-label={trans.__('Progress')}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
        aria-valuetext={label || undefined}
      >
        <div className="jp-WindlassJobProgress-bar" style={{ width: `${percent ?? 0}%` }} />
      </div>
      <span className="jp-WindlassJobProgress-label">
        {[percent === null ? '' : `${percent} %`, label, message ?? ''].filter(Boolean).join(' · ')}
      </span>
    </div>
  );
}

function progressLabel({ progress }: Job, trans: TranslationBundle): string {
  const { cell, cells } = progress;
  if (cell === null) {
    return cells === null ? '' : trans._n('%1 cell', '%1 cells', cells);
  }
  return cells === null ? trans.__('cell %1', cell) : trans.__('cell %1 of %2', cell, cells);
}

function Actions({ job, commands, onMade, onRerunWithParameters, trans }: IHeaderProps): React.JSX.Element {
  const isOver = isFinal(job.state);
  const shown = isOver ? [CommandIDs.rerunJob, CommandIDs.deleteJob] : [CommandIDs.stopJob];
  return (
    <div className="jp-WindlassJobHeader-actions" role="toolbar" aria-label={trans.__('Actions')}>
      {shown.slice(0, 1).map(id => (
        <CommandButton key={id} commands={commands} id={id} jobId={job.id} onDone={onMade} />
      ))}
      {commands.hasCommand(GpuCommandIDs.openGpus) && (
        <button
          type="button"
          className="jp-WindlassButton"
          title={commands.caption(GpuCommandIDs.openGpus)}
          onClick={() => void commands.execute(GpuCommandIDs.openGpus, { id: job.id })}
        >
          {trans.__('GPUs')}
        </button>
      )}
      {isOver && (
        <button type="button" className="jp-WindlassButton" onClick={onRerunWithParameters}>
          {trans.__('Run with Other Parameters…')}
        </button>
      )}
      {shown.slice(1).map(id => (
        <CommandButton key={id} commands={commands} id={id} jobId={job.id} />
      ))}
    </div>
  );
}

interface ICommandButtonProps {
  readonly commands: CommandRegistry;
  readonly id: string;
  readonly jobId: string;
  readonly onDone?: (job: Job | undefined) => void;
}

/** A button for a command on this job. */
function CommandButton({ commands, id, jobId, onDone }: ICommandButtonProps): React.JSX.Element | null {
  const args = { id: jobId };
  if (!commands.hasCommand(id)) {
    return null;
  }
  const Icon = commands.icon(id, args) as LabIcon | undefined;
  return (
    <button
      type="button"
      className="jp-WindlassButton"
      title={commands.caption(id, args)}
      disabled={!commands.isEnabled(id, args)}
      onClick={() => void commands.execute(id, args).then(onDone)}
    >
      {Icon?.react && <Icon.react tag="span" aria-hidden width="14px" height="14px" />}
      {commands.label(id, args)}
    </button>
  );
}
