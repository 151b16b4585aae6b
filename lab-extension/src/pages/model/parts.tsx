/** Small parts that several sections of a model's page have. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import type { IRemote } from '../../components/useRemote';
import { StateView } from '../../components/stateView';

interface ISectionProps {
  readonly title: string;
  /** Beside the title. */
  readonly aside?: React.ReactNode;
  readonly children: React.ReactNode;
}

/** A titled part of the page. */
export function Section({ title, aside, children }: ISectionProps): React.JSX.Element {
  return (
    <section className="jp-WindlassModelPage-section">
      <div className="jp-WindlassModelPage-sectionHead">
        <h3>{title}</h3>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** A link that leaves JupyterLab. Nothing but a web address may stand behind one. */
export function WebLink({
  url,
  label
}: {
  readonly url: string | null;
  readonly label: string;
}): React.JSX.Element | null {
  return url !== null && /^https?:\/\//i.test(url) ? (
    <a className="jp-WindlassButton" href={url} target="_blank" rel="noopener noreferrer">
      {label}
    </a>
  ) : null;
}

interface IRemotePartProps<T> {
  readonly remote: IRemote<T>;
  readonly loading: string;
  readonly trans: TranslationBundle;
  readonly children: (value: T) => React.ReactNode;
}

/** What was asked for, once it is there; above it why there is nothing newer. */
export function RemotePart<T>({ remote, loading, trans, children }: IRemotePartProps<T>): React.JSX.Element {
  const { value, problem, again } = remote;
  const retry = { label: trans.__('Try again'), act: again };
  if (value === null) {
    return problem ? (
      <StateView
        kind={problem.kind === 'forbidden' ? 'forbidden' : 'error'}
        text={toMessage(problem, trans)}
        actions={[retry]}
      />
    ) : (
      <StateView kind="loading" text={loading} />
    );
  }
  return (
    <>
      {problem && (
        <div className="jp-WindlassBanner jp-mod-warning" role="status">
          <span>{trans.__('Not current: %1', toMessage(problem, trans))}</span>
          <button type="button" className="jp-WindlassButton" onClick={again}>
            {trans.__('Try again')}
          </button>
        </div>
      )}
      {children(value)}
    </>
  );
}
