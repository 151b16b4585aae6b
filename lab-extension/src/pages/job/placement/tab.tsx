/** The tab of a job in a cluster: how far it has come, and its pods. */
import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import '../../../../style/jobPlacement.css';
import type { JobPlacement } from '../../../api/types';
import { isFinal } from '../../../api/types';
import { StateView } from '../../../components/stateView';
import type { JobPageModel } from '../model';
import { PlacementModel } from './model';
import { Pods } from './pods';
import { Timeline } from './timeline';

/** The tab. */
export class PlacementTab extends ReactWidget {
  constructor(options: { readonly page: JobPageModel }) {
    super();
    this._page = options.page;
    this._model = new PlacementModel({ page: options.page, isSeen: () => this.isVisible });
  }

  override dispose(): void {
    this._model.dispose();
    super.dispose();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._model.update();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._model.update();
  }

  protected override render(): React.JSX.Element {
    return <UseSignal signal={this._model.changed}>{() => this._renderState()}</UseSignal>;
  }

  private _renderState(): React.JSX.Element {
    const { trans } = this._page.windlass;
    const { state, problem, placement } = this._model;
    const retry = { label: trans.__('Try again'), act: () => void this._model.refresh() };
    if (!placement) {
      return state === 'forbidden' || state === 'error' ? (
        <StateView kind={state} text={problem ?? ''} actions={[retry]} />
      ) : (
        <StateView kind="loading" text={trans.__('Loading…')} />
      );
    }
    return (
      <div className="jp-WindlassDetails">
        {problem && (
          <div className="jp-WindlassBanner jp-mod-warning" role="status">
            <span>{trans.__('This was so a while ago. %1', problem)}</span>
            <button type="button" className="jp-WindlassLink" onClick={retry.act}>
              {retry.label}
            </button>
          </div>
        )}
        {this._renderPlacement(placement)}
      </div>
    );
  }

  private _renderPlacement(placement: JobPlacement): React.JSX.Element {
    const { windlass, job } = this._page;
    const { trans } = windlass;
    return (
      <>
        <p>
          <code>{`${placement.object_kind} ${placement.object_name}`}</code>{' '}
          {trans.__('in namespace %1.', placement.namespace)}{' '}
          <span className="jp-WindlassMuted">{placement.kind_reason}</span>
        </p>
        <section>
          <h3>{trans.__('Time line')}</h3>
          <Timeline steps={placement.timeline} hasEnded={job !== null && isFinal(job.state)} trans={trans} />
        </section>
        <section>
          <h3>{trans.__('Pods')}</h3>
          <Pods pods={placement.pods} trans={trans} />
        </section>
      </>
    );
  }

  private readonly _model: PlacementModel;
  private readonly _page: JobPageModel;
}
