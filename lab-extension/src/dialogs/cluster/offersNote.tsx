/** How good what is offered is: on its way, old, not to be had, or not whole. */
import * as React from 'react';
import { StateView } from '../../components/stateView';
import type { IClusterProps } from './props';

/** Nothing, while all is well. */
export function OffersNote({ model, offers: asked }: IClusterProps): React.JSX.Element | null {
  const { trans } = model;
  const { state, offers, heardAt, problem } = asked;
  const retry = { label: trans.__('Try again'), act: () => void asked.refresh() };
  if (!offers) {
    const failed = state === 'forbidden' || state === 'error';
    return (
      <div className="jp-WindlassCluster-note">
        <StateView
          kind={failed ? state : 'loading'}
          text={failed ? (problem ?? '') : trans.__('The cluster is asked what it offers…')}
          actions={failed ? [retry] : []}
        />
      </div>
    );
  }
  if (problem) {
    return (
      <div className="jp-WindlassBanner jp-mod-warning jp-WindlassCluster-note" role="status">
        <span>{trans.__('This is what the cluster offered at %1. %2', time(heardAt), problem)}</span>
        <button type="button" className="jp-WindlassLink" onClick={retry.act}>
          {retry.label}
        </button>
      </div>
    );
  }
  return offers.problems.length === 0 ? null : (
    <ul className="jp-WindlassNotices jp-WindlassCluster-note">
      {offers.problems.map(sentence => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

function time(date: Date | null): string {
  return date?.toLocaleTimeString() ?? '–';
}
