/** What the GPUs section shows: what is used and spent now, alarms, devices, and what is not known and why. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { Widget } from '@lumino/widgets';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/gpus.css';
import { toMessage } from '../../api/errors';
import type { GpuSnapshot } from '../../api/types';
import { formatPercent } from '../../components/gpuFigures';
import { formatRate } from '../../components/money';
import { Conditions } from '../../components/gpuConditions';
import { StateView } from '../../components/stateView';
import { useSignal } from '../../components/useSignal';
import type { GpusModel } from '../../model/gpus';
import type { IWindlass } from '../../tokens';
import { Alarms } from './alarms';
import { serverTexts } from './describe';
import { GpuList } from './list';

/** What the section's body is made from. */
export interface IGpusBodyProps {
  readonly commands: CommandRegistry;
  readonly model: GpusModel;
  readonly windlass: IWindlass;
}

/** The body as a widget. */
export function makeGpusBody(props: IGpusBodyProps): Widget {
  return ReactWidget.create(<GpusBody {...props} />);
}

/** The body of the GPUs section. */
export function GpusBody({ commands, model, windlass }: IGpusBodyProps): React.JSX.Element {
  const { trans } = windlass;
  const snapshot = useSignal(model.changed, () => model.snapshot);
  const status = useSignal(model.changed, () => model.status);
  if (!snapshot || status === 'loading' || status === 'forbidden' || status === 'absent') {
    return <InsteadOfGpus model={model} trans={trans} />;
  }
  return (
    <div className={`jp-WindlassGpus${status === 'stale' ? ' jp-mod-stale' : ''}`}>
      {status === 'stale' && <StaleGpus model={model} trans={trans} />}
      <Summary snapshot={snapshot} trans={trans} />
      <Alarms alarms={snapshot.alarms} commands={commands} model={model} trans={trans} />
      {snapshot.devices.length > 0 || snapshot.groups.length > 0 ? (
        <GpuList snapshot={snapshot} commands={commands} model={model} trans={trans} />
      ) : (
        <StateView kind="empty" text={emptyText(snapshot, trans)} />
      )}
      <Conditions conditions={snapshot.conditions} trans={trans} />
      <Server snapshot={snapshot} trans={trans} />
    </div>
  );
}

interface IModelProps {
  readonly model: GpusModel;
  readonly trans: TranslationBundle;
}

/** Why there is nothing to show yet. */
function InsteadOfGpus({ model, trans }: IModelProps): React.JSX.Element {
  const problem = useSignal(model.changed, () => model.problem);
  const { status } = model;
  if (status === 'loading' || status === 'ready') {
    return <StateView kind="loading" text={trans.__('Asking how GPUs are used…')} />;
  }
  const retry = { label: trans.__('Try again'), act: () => void model.peek() };
  const kind = status === 'stale' ? 'error' : status;
  return <StateView kind={kind} text={toMessage(problem, trans)} actions={[retry]} />;
}

/** Above what is not current: since when, and why. */
function StaleGpus({ model, trans }: IModelProps): React.JSX.Element {
  const problem = useSignal(model.changed, () => model.problem);
  return (
    <div className="jp-WindlassBanner jp-mod-warning" role="status">
      <span>
        {trans.__('As of %1.', model.lastGood?.toLocaleTimeString() ?? '')} {toMessage(problem, trans)}
      </span>
      <button className="jp-WindlassButton" type="button" onClick={() => void model.peek()}>
        {trans.__('Try again')}
      </button>
    </div>
  );
}

interface ISnapshotProps {
  readonly snapshot: GpuSnapshot;
  readonly trans: TranslationBundle;
}

/** How much is used and what is spent now; nothing where neither has a meaning. */
function Summary({ snapshot, trans }: ISnapshotProps): React.JSX.Element | null {
  const { devices, engine, usd_per_hour: rate, usd_note: note } = snapshot;
  if (devices.length === 0 && !rate) {
    return null;
  }
  return (
    <div className="jp-WindlassGpus-summary">
      <dl>
        {devices.length > 0 && (
          <div>
            <dt>{trans.__('Mean use')}</dt>
            <dd>{formatPercent(engine, trans)}</dd>
          </div>
        )}
        <div title={note ?? undefined}>
          <dt>{trans.__('Cost now')}</dt>
          <dd>{rate === null ? trans.__('unknown') : formatRate(rate, trans)}</dd>
        </div>
      </dl>
      {note !== null && <p className="jp-WindlassGpus-note">{note}</p>}
    </div>
  );
}

function emptyText({ conditions }: GpuSnapshot, trans: TranslationBundle): string {
  return conditions.length > 0
    ? trans.__('No GPU can be seen. What is missing:')
    : trans.__('No GPU is known: this machine shows none, and no job of yours holds one.');
}

/** What the notebook server itself costs. */
function Server({ snapshot, trans }: ISnapshotProps): React.JSX.Element | null {
  const { server } = snapshot;
  return server && <p className="jp-WindlassGpus-server">{serverTexts(server, trans).join('. ')}.</p>;
}
