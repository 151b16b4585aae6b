/** One job in the list: state, name, time, processes, progress, and what can be done with it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React, { memo } from 'react';
import type { Job } from '../../api/types';
import { isFinal } from '../../api/types';
import { CommandIDs } from '../../commands';
import { formatDuration } from '../../components/duration';
import { JobStateBadge } from '../../components/jobState';
import { ProgressBar } from '../../components/progressBar';
import { GpuCommandIDs } from '../../model/gpuCommands';
import { secondLine } from './describe';
import type { IActive } from './list';

const LIVE_ACTIONS = [CommandIDs.stopJob, CommandIDs.openJob];
const GPU_ACTIONS = [GpuCommandIDs.openGpus, ...LIVE_ACTIONS];
const FINAL_ACTIONS = [CommandIDs.rerunJob, CommandIDs.openJob, CommandIDs.deleteJob];

/** A row; rendered again only when something in it has changed. */
export const JobRow = memo(function JobRow(props: JobRow.IProps): React.JSX.Element {
  const { commands, cost, elapsed, index, isActive, job, onFocus, trans } = props;
  const line = secondLine(job, trans);
  const isLive = !isFinal(job.state);
  return (
    <div
      className={`jp-WindlassJobs-row${actionsOf(job).length > 2 ? ' jp-mod-three' : ''}`}
      role="row"
      aria-rowindex={index + 1}
      data-windlass-job={job.id}
      tabIndex={isActive ? 0 : -1}
      onClick={() => void commands.execute(CommandIDs.openJob, { id: job.id })}
      onFocus={() => onFocus({ id: job.id, index })}
    >
      <div className="jp-WindlassJobs-cell" role="gridcell">
        <JobStateBadge state={job.state} trans={trans} />
        <span className="jp-WindlassJobs-name" title={`${job.name}\n${job.notebook}`}>
          {job.name}
        </span>
        <span className="jp-WindlassJobs-time">{elapsed === null ? '' : formatDuration(elapsed)}</span>
        {cost !== null && (
          <span className="jp-WindlassJobs-cost" title={trans.__('Cost so far')}>
            {cost}
          </span>
        )}
        {job.world_size > 1 && (
          <span className="jp-WindlassJobs-size" title={trans.__('%1 processes', job.world_size)}>
            ×{job.world_size}
          </span>
        )}
        {line && (
          <span className="jp-WindlassJobs-line" title={line}>
            {line}
          </span>
        )}
        {isLive && job.progress.fraction !== null && (
          <ProgressBar fraction={job.progress.fraction} label={trans.__('Progress of %1', job.name)} />
        )}
      </div>
      <div className="jp-WindlassJobs-actions" role="gridcell">
        {actionsOf(job).map(id => (
          <ActionButton key={id} commands={commands} id={id} job={job} />
        ))}
      </div>
    </div>
  );
});

/** What can be done with it from its row; the context menu has the rest. */
function actionsOf(job: Job): readonly string[] {
  if (isFinal(job.state)) {
    return FINAL_ACTIONS;
  }
  return job.gpus_per_worker > 0 ? GPU_ACTIONS : LIVE_ACTIONS;
}

/** A namespace for `JobRow` statics. */
export namespace JobRow {
  /** The properties of `JobRow`. */
  export interface IProps {
    commands: CommandRegistry;
    /** What it costs by now, as it is shown; null: not known. */
    cost: string | null;
    /** In whole seconds; null before it has started. */
    elapsed: number | null;
    index: number;
    /** Whether this is the row in the tab order. */
    isActive: boolean;
    job: Job;
    onFocus: (active: IActive) => void;
    trans: TranslationBundle;
  }
}

/** A button that runs a command on a job. Reached from its row by the right arrow. */
function ActionButton(props: { commands: CommandRegistry; id: string; job: Job }): React.JSX.Element {
  const { commands, id, job } = props;
  const args = { id: job.id };
  const label = commands.label(id, args);
  return (
    <button
      className="jp-WindlassJobs-action"
      type="button"
      tabIndex={-1}
      title={commands.caption(id, args) || label}
      aria-label={`${label} ${job.name}`}
      onClick={event => {
        event.stopPropagation();
        void commands.execute(id, args);
      }}
    >
      <LabIcon.resolveReact icon={commands.icon(id, args)} tag="span" />
    </button>
  );
}
