/** The moments of a job's way through a cluster, with how long each took: a list, which is its own text alternative. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon, circleEmptyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { JobState, TimelineStep } from '../../../api/types';
import { isFinal } from '../../../api/types';
import { formatDuration } from '../../../components/duration';
import { JobStateBadge } from '../../../components/jobState';
import { formatMoment } from '../../../components/quantities';

interface ITimelineProps {
  readonly steps: readonly TimelineStep[];
  /** Whether what was not reached never will be. */
  readonly hasEnded: boolean;
  readonly trans: TranslationBundle;
}

/** All steps, those not reached dimmed. */
export function Timeline({ steps, hasEnded, trans }: ITimelineProps): React.JSX.Element {
  const longest = Math.max(...steps.map(({ seconds }) => wholeSeconds(seconds)));
  return (
    <ol className="jp-WindlassTimeline">
      {steps.map(step => (
        <Step key={step.name} step={step} longest={longest} hasEnded={hasEnded} trans={trans} />
      ))}
    </ol>
  );
}

interface IStepProps extends Omit<ITimelineProps, 'steps'> {
  readonly step: TimelineStep;
  /** The longest of all steps, in whole seconds. */
  readonly longest: number;
}

function Step({ step, longest, hasEnded, trans }: IStepProps): React.JSX.Element {
  const { name, at, seconds, note } = step;
  const isReached = at !== null;
  const isEnd = name === 'ended' && isFinal(note as JobState);
  const share = longest > 0 ? wholeSeconds(seconds) / longest : 0;
  return (
    <li className={`jp-WindlassTimeline-step${isReached ? '' : ' jp-mod-ahead'}`}>
      {isEnd ? (
        <JobStateBadge state={note as JobState} trans={trans} />
      ) : (
        <StepName name={name} isReached={isReached} trans={trans} />
      )}
      <span className="jp-WindlassTimeline-time">
        {isReached ? (
          <time dateTime={at}>{formatMoment(at)}</time>
        ) : hasEnded ? (
          trans.__('–')
        ) : (
          trans.__('not yet')
        )}
      </span>
      <span className="jp-WindlassTimeline-span">{seconds === null ? '' : after(seconds, trans)}</span>
      <span className="jp-WindlassTimeline-bar" aria-hidden>
        <span style={{ width: `${share * 100}%` }} />
      </span>
      {note && !isEnd && <span className="jp-WindlassTimeline-note">{note}</span>}
    </li>
  );
}

interface IStepNameProps extends Pick<ITimelineProps, 'trans'> {
  readonly name: TimelineStep['name'];
  readonly isReached: boolean;
}

function StepName({ name, isReached, trans }: IStepNameProps): React.JSX.Element {
  const Icon = isReached ? checkIcon : circleEmptyIcon;
  return (
    <>
      <Icon.react className="jp-WindlassJobState-icon" tag="span" aria-hidden />
      <span>{stepName(name, trans)}</span>
    </>
  );
}

/** Clusters tell whole seconds: what is finer is shown in no bar either. */
function wholeSeconds(seconds: number | null): number {
  return Math.round(seconds ?? 0);
}

function after(seconds: number, trans: TranslationBundle): string {
  const whole = wholeSeconds(seconds);
  if (whole < 1) {
    return trans.__('at once');
  }
  return whole < 60 ? trans.__('after %1 s', whole) : trans.__('after %1', formatDuration(whole));
}

function stepName(name: TimelineStep['name'], trans: TranslationBundle): string {
  const names: Record<TimelineStep['name'], string> = {
    created: trans.__('Created'),
    queued: trans.__('Queued'),
    admitted: trans.__('Admitted'),
    node_requested: trans.__('Node requested'),
    node_ready: trans.__('Node ready'),
    image_pulled: trans.__('Image pulled'),
    first_line: trans.__('First line'),
    ended: trans.__('Ended')
  };
  return names[name];
}
