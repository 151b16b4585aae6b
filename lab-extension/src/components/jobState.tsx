/** A job's state as everyone sees it: icon, word and colour, never colour alone. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import {
  checkIcon,
  circleEmptyIcon,
  circleIcon,
  closeIcon,
  offlineBoltIcon,
  pauseIcon,
  refreshIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import React from 'react';
import '../../style/components.css';
import type { JobState } from '../api/types';

const ICONS: Record<JobState, LabIcon> = {
  submitted: circleEmptyIcon,
  queued: circleEmptyIcon,
  pending: circleEmptyIcon,
  running: circleIcon,
  restarting: refreshIcon,
  suspended: pauseIcon,
  succeeded: checkIcon,
  failed: closeIcon,
  stopped: stopIcon,
  lost: offlineBoltIcon
};

/** A state's word. */
export function stateWord(state: JobState, trans: TranslationBundle): string {
  const words: Record<JobState, string> = {
    submitted: trans.__('Submitted'),
    queued: trans.__('Queued'),
    pending: trans.__('Starting'),
    running: trans.__('Running'),
    restarting: trans.__('Restarting'),
    suspended: trans.__('Suspended'),
    succeeded: trans.__('Succeeded'),
    failed: trans.__('Failed'),
    stopped: trans.__('Stopped'),
    lost: trans.__('Lost')
  };
  return words[state];
}

interface IBadgeProps {
  readonly state: JobState;
  /** Another word for it. */
  readonly word?: string;
  readonly trans: TranslationBundle;
}

/** Icon and word of a state, in its colour. */
export function JobStateBadge({ state, word, trans }: IBadgeProps): React.JSX.Element {
  const Icon = ICONS[state];
  return (
    <span className={`jp-WindlassJobState jp-mod-${state}`}>
      <Icon.react className="jp-WindlassJobState-icon" tag="span" aria-hidden />
      <span className="jp-WindlassJobState-word">{word ?? stateWord(state, trans)}</span>
    </span>
  );
}
