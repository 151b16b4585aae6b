/** What was asked for and what it became: parameters, code, environment, times, record. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Job } from '../../api/types';
import { formatUsdOrUnknown } from '../../components/money';
import { formatBytes, formatMoment, formatSeconds } from '../../components/quantities';

interface IDetailsProps {
  readonly job: Job;
  readonly onOpenNotebook: () => void;
  readonly trans: TranslationBundle;
}

/** The tab of parameters and details. */
export function Details(props: IDetailsProps): React.JSX.Element {
  const { job, trans } = props;
  return (
    <div className="jp-WindlassDetails">
      <section>
        <h3>{trans.__('Parameters')}</h3>
        <Parameters {...props} />
      </section>
      {job.notices.length > 0 && (
        <section>
          <h3>{trans.__('Notices')}</h3>
          <ul className="jp-WindlassNotices">
            {job.notices.map(notice => (
              <li key={notice}>{notice}</li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3>{trans.__('Job')}</h3>
        <Facts facts={jobFacts(props)} />
      </section>
      <section>
        <h3>{trans.__('Times')}</h3>
        <Facts facts={timeFacts(job, trans)} />
      </section>
      <section>
        <h3>{trans.__('Code')}</h3>
        <Facts facts={codeFacts(job, trans)} />
      </section>
    </div>
  );
}

function Parameters({ job, trans }: IDetailsProps): React.JSX.Element {
  const names = Object.keys(job.parameters);
  if (names.length === 0) {
    return (
      <p className="jp-WindlassMuted">{trans.__('None were given: the notebook’s defaults counted.')}</p>
    );
  }
  return (
    <table className="jp-WindlassTable">
      <caption className="jp-WindlassUnseen">{trans.__('Parameters')}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Name')}</th>
          <th scope="col">{trans.__('Value')}</th>
        </tr>
      </thead>
      <tbody>
        {names.map(name => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>
              <code>{JSON.stringify(job.parameters[name])}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A name and what it is; null is not shown. */
type Fact = readonly [name: string, value: React.ReactNode];

function Facts({ facts }: { facts: readonly Fact[] }): React.JSX.Element {
  return (
    <dl className="jp-WindlassFactList">
      {facts
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}

function jobFacts({ job, onOpenNotebook, trans }: IDetailsProps): Fact[] {
  const size = trans.__('%1 × %2 processes', job.workers, job.processes_per_worker);
  const gpus = job.gpus_per_worker > 0 ? trans._n('%1 GPU each', '%1 GPUs each', job.gpus_per_worker) : null;
  return [
    [trans.__('Id'), <code key="id">{job.id}</code>],
    [
      trans.__('Notebook'),
      <button key="notebook" type="button" className="jp-WindlassLink" onClick={onOpenNotebook}>
        {job.notebook}
      </button>
    ],
    [trans.__('Size'), gpus ? `${size}, ${gpus}` : size],
    [trans.__('Engine'), `${job.engine} · ${job.kind}`],
    [trans.__('Environment'), job.environment_name ?? job.environment ?? trans.__('unknown')],
    [trans.__('Experiment'), job.experiment],
    [trans.__('Retries'), trans.__('%1 of %2 used', job.restarts, job.retries)],
    [trans.__('Exit code'), job.exit_code === null ? null : String(job.exit_code)],
    [trans.__('MLflow record'), job.record],
    [trans.__('Cost'), formatUsdOrUnknown(job.cost_usd, trans)]
  ];
}

function timeFacts(job: Job, trans: TranslationBundle): Fact[] {
  const limit = job.time_limit_seconds;
  return [
    [trans.__('Submitted'), formatMoment(job.created_at)],
    [trans.__('Started'), job.started_at && formatMoment(job.started_at)],
    [trans.__('Ended'), job.ended_at && formatMoment(job.ended_at)],
    [trans.__('Waited'), job.started_at && waited(job.created_at, job.started_at, trans)],
    [trans.__('Time limit'), limit === null ? trans.__('none') : formatSeconds(limit, trans)]
  ];
}

function waited(created: string, started: string, trans: TranslationBundle): string {
  return formatSeconds(Math.max(0, Date.parse(started) - Date.parse(created)) / 1000, trans);
}

function codeFacts(job: Job, trans: TranslationBundle): Fact[] {
  const hash = job.bundle_sha256;
  const size = job.bundle_bytes === null ? null : formatBytes(job.bundle_bytes);
  return [
    [
      trans.__('Bundle'),
      hash && (
        <span key="hash">
          <code title={hash}>{hash.slice(0, 16)}</code> {size}
        </span>
      )
    ],
    [trans.__('Commit'), job.git?.commit ? <code key="commit">{job.git.commit.slice(0, 10)}</code> : null],
    [trans.__('Branch'), job.git?.branch ?? null],
    [trans.__('Work tree'), workTree(job, trans)],
    [trans.__('Repeats'), job.rerun_of && <code key="of">{job.rerun_of}</code>]
  ];
}

function workTree({ git }: Job, trans: TranslationBundle): string | null {
  if (git?.dirty === null || git?.dirty === undefined) {
    return git?.commit ? null : trans.__('not in Git');
  }
  return git.dirty ? trans.__('changed since the commit') : trans.__('as committed');
}
