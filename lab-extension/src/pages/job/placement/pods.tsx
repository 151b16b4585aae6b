/** The pods of a job, with the ranks that each of them runs. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { JobPod, JobState } from '../../../api/types';
import { JobStateBadge } from '../../../components/jobState';
import { formatRanks } from './ranks';

interface IPodsProps {
  readonly pods: readonly JobPod[];
  readonly trans: TranslationBundle;
}

/** A table with one row for each pod. */
export function Pods({ pods, trans }: IPodsProps): React.JSX.Element {
  if (pods.length === 0) {
    return <p className="jp-WindlassMuted">{trans.__('There are none now.')}</p>;
  }
  return (
    <div className="jp-WindlassPods" tabIndex={0} role="region" aria-label={trans.__('Pods')}>
      <table className="jp-WindlassTable">
        <caption className="jp-WindlassUnseen">{trans.__('Pods of this job')}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Pod')}</th>
            <th scope="col">{trans.__('Role')}</th>
            <th scope="col">{trans.__('Ranks')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Node')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Restarts')}
            </th>
            <th scope="col">{trans.__('Reason')}</th>
          </tr>
        </thead>
        <tbody>
          {pods.map(pod => (
            <PodRow key={pod.name} pod={pod} trans={trans} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PodRow({ pod, trans }: { pod: JobPod; trans: TranslationBundle }): React.JSX.Element {
  return (
    <tr>
      <th scope="row">
        <code>{pod.name}</code>
      </th>
      <td>{pod.role}</td>
      <td>{formatRanks(pod.ranks) || '–'}</td>
      <td>
        <JobStateBadge state={stateOf(pod)} word={stateWord(pod.state, trans)} trans={trans} />
      </td>
      <td>{pod.node ?? '–'}</td>
      <td className="jp-mod-number">{pod.restarts}</td>
      <td>{reason(pod, trans)}</td>
    </tr>
  );
}

/** The state of a job that looks the same. */
function stateOf({ state }: JobPod): JobState {
  const states: Record<string, JobState> = {
    starting: 'pending',
    running: 'running',
    succeeded: 'succeeded',
    failed: 'failed',
    gone: 'stopped'
  };
  return states[state] ?? 'queued';
}

function stateWord(state: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    waiting: trans.__('Waiting'),
    starting: trans.__('Starting'),
    running: trans.__('Running'),
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    gone: trans.__('Gone')
  };
  return words[state] ?? state;
}

function reason({ reason, exit_code: exitCode }: JobPod, trans: TranslationBundle): string {
  const isTelling = exitCode !== null && exitCode !== 0 && !reason.includes(String(exitCode));
  return isTelling ? [reason, trans.__('exit code %1', exitCode)].filter(Boolean).join(', ') : reason;
}
