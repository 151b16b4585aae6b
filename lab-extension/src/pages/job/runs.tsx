/** The MLflow runs that a job made, as links where a browser can follow them. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Job, JobRun } from '../../api/types';
import { isFinal } from '../../api/types';
import { StateView } from '../../components/stateView';

interface IRunsProps {
  readonly job: Job;
  readonly trans: TranslationBundle;
}

/** The tab of runs. */
export function Runs({ job, trans }: IRunsProps): React.JSX.Element {
  if (job.runs.length === 0) {
    return (
      <StateView kind="empty" text={emptyText(job, trans)} detail={job.record && recordText(job, trans)} />
    );
  }
  return (
    <div className="jp-WindlassDetails">
      <table className="jp-WindlassTable">
        <caption className="jp-WindlassUnseen">{trans.__('Runs of this job')}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Run')}</th>
            <th scope="col">{trans.__('Experiment')}</th>
            <th scope="col">{trans.__('Status')}</th>
          </tr>
        </thead>
        <tbody>
          {job.runs.map(run => (
            <tr key={run.run_id}>
              <th scope="row">
                <RunName run={run} isOwn={run.run_id === job.run_id} trans={trans} />
              </th>
              <td>{run.experiment_name ?? run.experiment_id ?? trans.__('unknown')}</td>
              <td>{run.status ?? trans.__('unknown')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {job.record && <p className="jp-WindlassMuted">{recordText(job, trans)}</p>}
    </div>
  );
}

function RunName({
  run,
  isOwn,
  trans
}: {
  run: JobRun;
  isOwn: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const name = run.name ?? run.run_id;
  return (
    <>
      {run.url && isWebAddress(run.url) ? (
        <a href={run.url} target="_blank" rel="noopener noreferrer" title={run.run_id}>
          {name}
        </a>
      ) : (
        <code title={run.run_id}>{name}</code>
      )}
      {isOwn && <span className="jp-WindlassMuted"> {trans.__('(the job’s own)')}</span>}
    </>
  );
}

/** Nothing else may stand behind a link: the address comes from what a job wrote. */
function isWebAddress(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

function emptyText(job: Job, trans: TranslationBundle): string {
  return isFinal(job.state)
    ? trans.__('This job made no MLflow run.')
    : trans.__('No run yet. Whatever the notebook logs with mlflow appears here.');
}

function recordText(job: Job, trans: TranslationBundle): string {
  return trans.__('Record in MLflow: %1', job.record ?? '');
}
