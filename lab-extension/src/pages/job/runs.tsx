/** The MLflow runs that a job made: each leads to its page here, and to MLflow's where a browser can follow. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Job, JobRun } from '../../api/types';
import { isFinal } from '../../api/types';
import { StateView } from '../../components/stateView';

interface IRunsProps {
  readonly job: Job;
  /** The page of the tracking server, where this browser can reach it. */
  readonly trackingUrl: string | null;
  /** Shows a run on a page of its own. */
  readonly onOpenRun: (runId: string) => void;
  readonly trans: TranslationBundle;
}

/** The tab of runs. */
export function Runs({ job, trackingUrl, onOpenRun, trans }: IRunsProps): React.JSX.Element {
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
                <RunName
                  run={run}
                  url={addressOf(run, trackingUrl)}
                  isOwn={run.run_id === job.run_id}
                  onOpen={() => onOpenRun(run.run_id)}
                  trans={trans}
                />
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

interface IRunNameProps {
  readonly run: JobRun;
  readonly url: string | null;
  readonly isOwn: boolean;
  readonly onOpen: () => void;
  readonly trans: TranslationBundle;
}

function RunName({ run, url, isOwn, onOpen, trans }: IRunNameProps): React.JSX.Element {
  const name = run.name ?? run.run_id;
  return (
    <>
      <button type="button" className="jp-WindlassLink" title={run.run_id} onClick={onOpen}>
        {name}
      </button>
      {url && (
        <>
          {' '}
          <a href={url} target="_blank" rel="noopener noreferrer" aria-label={trans.__('%1 in MLflow', name)}>
            {trans.__('MLflow')}
          </a>
        </>
      )}
      {isOwn && <span className="jp-WindlassMuted"> {trans.__('(the job’s own)')}</span>}
    </>
  );
}

/** Where a run's page is. Nothing but a web address may stand behind a link: it may come from what a job wrote. */
function addressOf(
  { url, experiment_id: experiment, run_id: run }: JobRun,
  trackingUrl: string | null
): string | null {
  const path = `#/experiments/${encodeURIComponent(experiment ?? '')}/runs/${encodeURIComponent(run)}`;
  const made = trackingUrl && experiment ? `${trackingUrl.replace(/\/$/, '')}/${path}` : null;
  const address = url ?? made;
  return address && /^https?:\/\//i.test(address) ? address : null;
}

function emptyText(job: Job, trans: TranslationBundle): string {
  return isFinal(job.state)
    ? trans.__('This job made no MLflow run.')
    : trans.__('No run yet. Whatever the notebook logs with mlflow appears here.');
}

function recordText(job: Job, trans: TranslationBundle): string {
  return trans.__('Record in MLflow: %1', job.record ?? '');
}
