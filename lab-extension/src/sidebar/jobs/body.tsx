/** What the Jobs section shows: the list, and in its stead or above it what is to be known about the list. */
import type { CommandRegistry } from '@lumino/commands';
import React, { useMemo } from 'react';
import { useSignal } from '../../components/useSignal';
import type { JobFilter } from '../../model/filter';
import type { IWindlass } from '../../tokens';
import { JobsFilter } from './filter';
import { JobsList } from './list';
import { JobsAnnouncer } from './announcer';
import { EmptyList, InsteadOfList, StaleBanner } from './states';

/** The body of the Jobs section. */
export function JobsBody(props: JobsBody.IProps): React.JSX.Element {
  const { commands, filter, windlass } = props;
  const { jobs: model } = windlass;
  const jobs = useSignal(model.changed, () => model.jobs);
  const status = useSignal(model.changed, () => model.status);
  const text = useSignal(filter.changed, () => filter.text);
  const notebook = useSignal(filter.changed, () => filter.notebook);
  const shown = useMemo(
    () => filter.select(jobs),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the filter is read through what it holds
    [filter, jobs, text, notebook]
  );
  if (status === 'loading' || status === 'error' || status === 'forbidden' || status === 'absent') {
    return <InsteadOfList windlass={windlass} status={status} />;
  }
  return (
    <div className={`jp-WindlassJobs${status === 'stale' ? ' jp-mod-stale' : ''}`}>
      {status === 'stale' && <StaleBanner windlass={windlass} />}
      {(jobs.length > 0 || filter.isActive) && <JobsFilter filter={filter} trans={windlass.trans} />}
      {shown.length > 0 ? (
        <JobsList commands={commands} jobs={shown} windlass={windlass} />
      ) : (
        <EmptyList commands={commands} filter={filter} windlass={windlass} />
      )}
      <JobsAnnouncer windlass={windlass} />
    </div>
  );
}

/** A namespace for `JobsBody` statics. */
export namespace JobsBody {
  /** The properties of `JobsBody`. */
  export interface IProps {
    commands: CommandRegistry;
    filter: JobFilter;
    windlass: IWindlass;
  }
}
