/** The head of a comparison: how many runs, which of them cannot be shown, and whether what is shown is current. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Comparison } from '../../api/types';
import { isLive as isLiveStatus } from '../../api/types';

interface IHeaderProps {
  readonly comparison: Comparison;
  /** Why what is shown is not current; null: it is. */
  readonly problem: string | null;
  readonly isLive: boolean;
  readonly onRefresh: () => void;
  readonly trans: TranslationBundle;
}

/** The head. */
export function Header({ comparison, problem, isLive, onRefresh, trans }: IHeaderProps): React.JSX.Element {
  const { runs, missing } = comparison;
  const live = runs.filter(run => isLiveStatus(run.status)).length;
  return (
    <header className="jp-WindlassJobHeader">
      <div className="jp-WindlassJobHeader-line">
        <h2>{trans._n('%1 run compared', '%1 runs compared', runs.length)}</h2>
        {isLive && (
          <span className="jp-WindlassMuted">
            {trans._n(
              '%1 is running: followed while you look',
              '%1 are running: followed while you look',
              live
            )}
          </span>
        )}
        <button type="button" className="jp-WindlassButton" onClick={onRefresh}>
          <refreshIcon.react tag="span" aria-hidden width="14px" height="14px" />
          {trans.__('Refresh')}
        </button>
      </div>
      <div role="status">
        {problem !== null && (
          <div className="jp-WindlassBanner jp-mod-warning">
            {trans.__('This was so a while ago. %1', problem)}
          </div>
        )}
        {missing.length > 0 && (
          <div className="jp-WindlassBanner jp-mod-warning">
            <span>{trans._n('%1 run cannot be shown.', '%1 runs cannot be shown.', missing.length)}</span>
            <ul
              className="jp-WindlassCompare-missing"
              tabIndex={0}
              aria-label={trans.__('Runs that cannot be shown')}
            >
              {missing.map(({ run_id: id, message }) => (
                <li key={id}>
                  <code>{id}</code> {message}
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </header>
  );
}
