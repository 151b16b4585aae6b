/** What is said in the stead of a list, above it and below it, whatever it lists. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { WindlassError } from '../api/errors';
import { toMessage } from '../api/errors';
import type { PagedStatus } from '../model/paged';
import { StateView } from './stateView';

interface IPagedStateProps {
  readonly list: {
    readonly status: PagedStatus;
    readonly problem: WindlassError | null;
    readonly readAt: Date | null;
    readonly hasMore: boolean;
    readonly isLoadingMore: boolean;
    readonly moreProblem: WindlassError | null;
    readonly refresh: () => Promise<void>;
    readonly more: () => Promise<void>;
  };
  readonly trans: TranslationBundle;
}

/** Why there is no list; null when there is one. */
export function InsteadOfPages({
  list,
  loading,
  trans
}: IPagedStateProps & { readonly loading: string }): React.JSX.Element | null {
  const { status, problem } = list;
  if (status === 'ready' || status === 'stale') {
    return null;
  }
  if (status === 'loading') {
    return <StateView kind="loading" text={loading} />;
  }
  const retry = { label: trans.__('Try again'), act: () => void list.refresh() };
  return <StateView kind={status} text={toMessage(problem, trans)} actions={[retry]} />;
}

/** Above a list that is not current: since when, and why. */
export function StalePages({ list, trans }: IPagedStateProps): React.JSX.Element | null {
  if (list.status !== 'stale') {
    return null;
  }
  return (
    <div className="jp-WindlassBanner jp-mod-warning" role="status">
      <span>
        {trans.__('As of %1.', list.readAt?.toLocaleTimeString() ?? '')} {toMessage(list.problem, trans)}
      </span>
      <button className="jp-WindlassButton" type="button" onClick={() => void list.refresh()}>
        {trans.__('Try again')}
      </button>
    </div>
  );
}

/** Below a list that goes on. */
export function MorePages({ list, trans }: IPagedStateProps): React.JSX.Element | null {
  if (!list.hasMore) {
    return null;
  }
  return (
    <div className="jp-WindlassMore">
      {list.moreProblem && (
        <p className="jp-WindlassMore-problem" role="alert">
          {toMessage(list.moreProblem, trans)}
        </p>
      )}
      <button
        className="jp-WindlassButton"
        type="button"
        disabled={list.isLoadingMore}
        onClick={() => void list.more()}
      >
        {list.isLoadingMore ? trans.__('Loading…') : trans.__('Show more')}
      </button>
    </div>
  );
}
