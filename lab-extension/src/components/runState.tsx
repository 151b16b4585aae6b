/** A run's state as MLflow has it: icon, word and colour, never colour alone. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { checkIcon, circleEmptyIcon, circleIcon, closeIcon, stopIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import '../../style/components.css';
import type { RunStatus } from '../api/types';

const ICONS: Record<RunStatus, LabIcon> = {
  RUNNING: circleIcon,
  SCHEDULED: circleEmptyIcon,
  FINISHED: checkIcon,
  FAILED: closeIcon,
  KILLED: stopIcon
};

/** The colours are those of jobs. */
const COLOURS: Record<RunStatus, string> = {
  RUNNING: 'running',
  SCHEDULED: 'queued',
  FINISHED: 'succeeded',
  FAILED: 'failed',
  KILLED: 'stopped'
};

/** A state's word. */
export function runStateWord(status: RunStatus, trans: TranslationBundle): string {
  const words: Record<RunStatus, string> = {
    RUNNING: trans.__('Running'),
    SCHEDULED: trans.__('Scheduled'),
    FINISHED: trans.__('Finished'),
    FAILED: trans.__('Failed'),
    KILLED: trans.__('Killed')
  };
  return words[status];
}

interface IBadgeProps {
  readonly status: RunStatus;
  /** Whether the word is for screen readers and the pointer only. */
  readonly isIconOnly?: boolean;
  readonly trans: TranslationBundle;
}

/** Icon and word of a state, in its colour. */
export function RunStateBadge({ status, isIconOnly = false, trans }: IBadgeProps): React.JSX.Element {
  const Icon = ICONS[status];
  const word = runStateWord(status, trans);
  return (
    <span className={`jp-WindlassJobState jp-mod-${COLOURS[status]}`} title={word}>
      <Icon.react className="jp-WindlassJobState-icon" tag="span" aria-hidden />
      <span className={isIconOnly ? 'jp-WindlassUnseen' : 'jp-WindlassJobState-word'}>{word}</span>
    </span>
  );
}
