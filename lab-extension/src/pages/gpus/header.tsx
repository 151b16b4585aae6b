/** The head of a page of GPUs: whose they are, what they took, what that achieved, and what was wrong. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { GpuAlarm, Job } from '../../api/types';
import { JobStateBadge } from '../../components/jobState';
import { formatMoment } from '../../components/quantities';
import { WarningSign } from '../../components/warningSign';
import type { Figure } from './achieved';

interface IHeaderProps {
  /** null: this machine, or a job that is not known any more. */
  readonly job: Job | null;
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly achieved: string | null;
  readonly alarms: readonly GpuAlarm[];
  /** Why what is shown is not current; null: it is. */
  readonly problem: string | null;
  readonly onRefresh: () => void;
  /** null: there is no job to open. */
  readonly onOpenJob: (() => void) | null;
  readonly trans: TranslationBundle;
}

/** The head. */
export function Header(props: IHeaderProps): React.JSX.Element {
  const { job, title, figures, achieved, alarms, problem, onRefresh, onOpenJob, trans } = props;
  return (
    <header className="jp-WindlassJobHeader">
      <div className="jp-WindlassJobHeader-line">
        <h2 title={title}>{title}</h2>
        {job && <JobStateBadge state={job.state} trans={trans} />}
        {onOpenJob && (
          <button type="button" className="jp-WindlassLink" onClick={onOpenJob}>
            {trans.__('Open job')}
          </button>
        )}
      </div>
      {figures.length > 0 && (
        <dl className="jp-WindlassGpuPage-figures">
          {figures.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {achieved !== null && <p className="jp-WindlassGpuPage-achieved">{achieved}</p>}
      {problem !== null && (
        <div className="jp-WindlassBanner jp-mod-warning" role="status">
          <span>{problem}</span>
          <button className="jp-WindlassButton" type="button" onClick={onRefresh}>
            {trans.__('Try again')}
          </button>
        </div>
      )}
      <AlarmList alarms={alarms} trans={trans} />
    </header>
  );
}

/** More than these are folded away. */
const FEW_ALARMS = 3;

interface IAlarmListProps {
  readonly alarms: readonly GpuAlarm[];
  readonly trans: TranslationBundle;
}

function AlarmList({ alarms, trans }: IAlarmListProps): React.JSX.Element | null {
  const [isWhole, setWhole] = React.useState(false);
  // The newest first: what is wrong now matters most.
  const shown = [...alarms].reverse().slice(0, isWhole ? undefined : FEW_ALARMS);
  return alarms.length === 0 ? null : (
    <ul className="jp-WindlassGpuPage-alarms" aria-label={trans.__('Alarms')}>
      {shown.map(({ id, since, message }) => (
        <li key={id}>
          <WarningSign />
          <span>{trans.__('%1, since %2', message, formatMoment(since))}</span>
        </li>
      ))}
      {alarms.length > shown.length && (
        <li>
          <button type="button" className="jp-WindlassLink" onClick={() => setWhole(true)}>
            {trans._n('Show %1 more', 'Show %1 more', alarms.length - shown.length)}
          </button>
        </li>
      )}
    </ul>
  );
}
