/** What is said when the list is empty, not there, or not current, and what can be done about it. */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { toMessage } from '../../api/errors';
import { CommandIDs } from '../../commands';
import { StateView } from '../../components/stateView';
import { useSignal } from '../../components/useSignal';
import type { JobFilter } from '../../model/filter';
import type { IWindlass } from '../../tokens';

/** In the list's stead: why there is none. */
export function InsteadOfList(props: InsteadOfList.IProps): React.JSX.Element {
  const { status, windlass } = props;
  const { jobs, trans } = windlass;
  const problem = useSignal(jobs.changed, () => jobs.problem);
  if (status === 'loading') {
    return <StateView kind="loading" text={trans.__('Loading jobs…')} />;
  }
  const retry = { label: trans.__('Try again'), act: () => void jobs.refresh() };
  if (status === 'absent') {
    return (
      <StateView
        kind="absent"
        text={trans.__('Windlass’ server half is not running in this Jupyter server. Install it there:')}
        code="pip install windlass"
        detail={trans.__(
          'Then restart the Jupyter server. If it is installed, “jupyter server extension list” says why it is not running.'
        )}
        actions={[retry]}
      />
    );
  }
  return <StateView kind={status} text={toMessage(problem, trans)} actions={[retry]} />;
}

/** A namespace for `InsteadOfList` statics. */
export namespace InsteadOfList {
  /** The properties of `InsteadOfList`. */
  export interface IProps {
    status: 'loading' | 'error' | 'forbidden' | 'absent';
    windlass: IWindlass;
  }
}

/** Above a list that is not current: since when, and why. */
export function StaleBanner({ windlass }: { windlass: IWindlass }): React.JSX.Element {
  const { jobs, trans } = windlass;
  const problem = useSignal(jobs.changed, () => jobs.problem);
  const since = jobs.lastGood?.toLocaleTimeString() ?? '';
  return (
    <div className="jp-WindlassJobs-stale" role="status">
      <span>
        {trans.__('As of %1.', since)} {toMessage(problem, trans)}
      </span>
      <button className="jp-WindlassButton" type="button" onClick={() => void jobs.refresh()}>
        {trans.__('Try again')}
      </button>
    </div>
  );
}

/** No jobs, or none that the filter lets through. */
export function EmptyList(props: EmptyList.IProps): React.JSX.Element {
  const { commands, filter, windlass } = props;
  const { trans } = windlass;
  const canTrain = useSignal(commands.commandChanged, () => commands.isEnabled(CommandIDs.train));
  if (filter.isActive) {
    const clear = { label: trans.__('Show all jobs'), act: () => filter.clear() };
    return <StateView kind="empty" text={trans.__('No job matches the filter.')} actions={[clear]} />;
  }
  const train = {
    label: trans.__('Train this notebook…'),
    act: () => void commands.execute(CommandIDs.train),
    isPrimary: true
  };
  return (
    <StateView
      kind="empty"
      text={
        canTrain
          ? trans.__('No jobs yet. Send the notebook on screen:')
          : trans.__('No jobs yet. Open a notebook and press Train in its toolbar.')
      }
      actions={canTrain ? [train] : []}
    />
  );
}

/** A namespace for `EmptyList` statics. */
export namespace EmptyList {
  /** The properties of `EmptyList`. */
  export interface IProps {
    commands: CommandRegistry;
    filter: JobFilter;
    windlass: IWindlass;
  }
}
