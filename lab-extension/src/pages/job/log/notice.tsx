/**
 * What stands before and after the lines of a log that are in sight: earlier output, why there is none, what is new.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { LogSourceState } from './source';

interface ILogTopProps {
  readonly hasEarlier: boolean;
  readonly isLoading: boolean;
  readonly problem: string | null;
  readonly onLoad: () => void;
  readonly trans: TranslationBundle;
}

/** Before the first line. */
export function LogTop({
  hasEarlier,
  isLoading,
  problem,
  onLoad,
  trans
}: ILogTopProps): React.JSX.Element | null {
  if (!hasEarlier && !problem) {
    return null;
  }
  return (
    <div className="jp-WindlassLog-strip">
      {problem ? (
        <span role="alert">{problem}</span>
      ) : (
        <span>{trans.__('There is earlier output, which is not loaded.')}</span>
      )}
      <button type="button" className="jp-WindlassLink" disabled={isLoading} onClick={onLoad}>
        {isLoading ? trans.__('Loading…') : trans.__('Load earlier')}
      </button>
    </div>
  );
}

interface ILogBottomProps {
  readonly state: LogSourceState;
  readonly problem: string | null;
  readonly lines: number;
  readonly isFollowing: boolean;
  readonly isAtEnd: boolean;
  readonly unseenLines: number;
  /** Whether the job may still write something. */
  readonly isLive: boolean;
  readonly onJump: () => void;
  readonly onRetry: () => void;
  readonly trans: TranslationBundle;
}

/** After the last line. */
export function LogBottom(props: ILogBottomProps): React.JSX.Element | null {
  const { state, problem, lines, isLive, trans } = props;
  if (state === 'error') {
    return (
      <div className="jp-WindlassLog-strip jp-mod-error" role="alert">
        <span>{problem}</span>
        <button type="button" className="jp-WindlassLink" onClick={props.onRetry}>
          {trans.__('Try again')}
        </button>
      </div>
    );
  }
  if (lines === 0) {
    return <div className="jp-WindlassLog-empty">{emptyReason(state, isLive, trans)}</div>;
  }
  if (state !== 'detached' && (props.isFollowing || props.isAtEnd)) {
    return null;
  }
  return (
    <button type="button" className="jp-WindlassLog-jump" onClick={props.onJump}>
      {jumpLabel(props)}
    </button>
  );
}

function emptyReason(state: LogSourceState, isLive: boolean, trans: TranslationBundle): string {
  if (state === 'loading') {
    return trans.__('Loading…');
  }
  return isLive && state !== 'complete'
    ? trans.__('No output yet. It appears here as it is written.')
    : trans.__('This job wrote no output.');
}

function jumpLabel({ state, unseenLines, trans }: ILogBottomProps): string {
  if (state === 'detached' || unseenLines === 0) {
    return trans.__('Jump to end');
  }
  return trans._n('Jump to end (%1 new line)', 'Jump to end (%1 new lines)', unseenLines);
}
