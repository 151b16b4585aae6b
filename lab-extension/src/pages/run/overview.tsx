/** What a run was given, what it measured and what it made, on one page; and the chain that it is part of. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import type { MetricValue, RunDetail, RunModel } from '../../api/types';
import { CommandIDs } from '../../commands';
import { LineageStrip } from '../../components/lineage';
import { formatNumber } from '../../components/numbers';
import { formatMoment } from '../../components/quantities';
import { useRemote } from '../../components/useRemote';
import { useSignal } from '../../components/useSignal';
import { formatCost } from '../../sidebar/experiments/describe';
import type { IRunActions } from './actions';
import type { RunPageModel } from './model';
import { Values } from './values';

interface IOverviewProps {
  readonly actions: IRunActions;
  readonly commands: CommandRegistry;
  readonly model: RunPageModel;
}

/** The tab of facts. */
export function Overview({ actions, commands, model }: IOverviewProps): React.JSX.Element | null {
  const detail = useSignal(model.changed, () => model.detail);
  const { trans } = model.windlass;
  if (!detail) {
    return null;
  }
  const metrics = detail.metrics.map(metric => ({ key: metric.key, ...metricText(metric, trans) }));
  return (
    <div className="jp-WindlassDetails jp-WindlassRunPage-overview">
      {detail.description !== null && <p className="jp-WindlassRunPage-description">{detail.description}</p>}
      <section className="jp-WindlassRunPage-section jp-mod-wide">
        <h3>{trans.__('Lineage')}</h3>
        <LineageOfRun commands={commands} model={model} />
      </section>
      <section className="jp-WindlassRunPage-section">
        <h3>{trans.__('Run')}</h3>
        <Facts commands={commands} detail={detail} trans={trans} />
      </section>
      <Models actions={actions} detail={detail} trans={trans} />
      <Values
        title={trans.__('Metrics')}
        nothing={trans.__('It logged none.')}
        items={metrics}
        isNumber
        trans={trans}
      />
      <Values
        title={trans.__('Parameters')}
        nothing={trans.__('It logged none.')}
        items={detail.params}
        trans={trans}
      />
      <Values
        title={trans.__('Data')}
        nothing={trans.__('It logged no dataset.')}
        items={detail.inputs.map(({ name, digest, context, source }) => ({
          key: name,
          value: digest,
          title: source,
          note: context
        }))}
        trans={trans}
      />
      <Values title={trans.__('Tags')} nothing={trans.__('It has none.')} items={detail.tags} trans={trans} />
    </div>
  );
}

function metricText(
  { value, step, at }: MetricValue,
  trans: TranslationBundle
): { value: string; title: string; note: string } {
  const text = typeof value === 'number' ? formatNumber(value) : value;
  const title = [String(value), at && formatMoment(at)].filter(Boolean).join('\n');
  return { value: text, title, note: step === null ? '' : trans.__('step %1', step) };
}

function LineageOfRun({ commands, model }: Omit<IOverviewProps, 'actions'>): React.JSX.Element {
  const { trans } = model.windlass;
  const { value, problem, again } = useRemote(model.runId, async () => model.client.lineage(model.runId));
  if (value) {
    return <LineageStrip lineage={value} commands={commands} trans={trans} />;
  }
  if (problem) {
    return (
      <p className="jp-WindlassMuted">
        {toMessage(problem, trans)}{' '}
        <button type="button" className="jp-WindlassLink" onClick={again}>
          {trans.__('Try again')}
        </button>
      </p>
    );
  }
  return <p className="jp-WindlassMuted">{trans.__('Loading…')}</p>;
}

interface IFactsProps {
  readonly commands: CommandRegistry;
  readonly detail: RunDetail;
  readonly trans: TranslationBundle;
}

/** A name and what it is; null is not shown. */
type Fact = readonly [name: string, value: React.ReactNode];

function Facts(props: IFactsProps): React.JSX.Element {
  return (
    <dl className="jp-WindlassFactList">
      {factsOf(props)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}

function factsOf({ commands, detail, trans }: IFactsProps): Fact[] {
  const { run } = detail;
  const unknown = trans.__('unknown');
  const { parent_id: parent, git_commit: commit, cost_usd: cost, gpu_hours: hours } = run;
  const toParent = (): void => void commands.execute(CommandIDs.openRun, { id: parent });
  return [
    [trans.__('Id'), <code key="id">{run.id}</code>],
    [trans.__('Started'), run.started_at && formatMoment(run.started_at)],
    [trans.__('Ended'), run.ended_at && formatMoment(run.ended_at)],
    [trans.__('User'), run.user ?? unknown],
    [trans.__('Notebook'), <Notebook key="notebook" path={run.notebook} commands={commands} trans={trans} />],
    [
      trans.__('Commit'),
      commit && (
        <span key="commit">
          <code>{commit}</code> {run.git_dirty && trans.__('with changes that were not committed')}
        </span>
      )
    ],
    [trans.__('Data version'), run.data_version],
    [trans.__('Cost'), cost === null ? unknown : formatCost(cost)],
    [trans.__('GPU hours'), hours === null ? unknown : formatNumber(hours)],
    [
      trans.__('Nested under'),
      parent && (
        <button key="parent" type="button" className="jp-WindlassLink" onClick={toParent}>
          {parent}
        </button>
      )
    ],
    [trans.__('Nested runs'), detail.nested ? trans.__('It has some: they are below it in the list.') : null]
  ];
}

interface INotebookProps extends Pick<IFactsProps, 'commands' | 'trans'> {
  readonly path: string | null;
}

function Notebook({ path, commands, trans }: INotebookProps): React.JSX.Element {
  if (!path?.endsWith('.ipynb')) {
    return <>{path ?? trans.__('unknown')}</>;
  }
  return (
    <button
      type="button"
      className="jp-WindlassLink"
      title={trans.__('Open the notebook as it is now')}
      onClick={() => void commands.execute('docmanager:open', { path })}
    >
      {path}
    </button>
  );
}

interface IModelsProps {
  readonly actions: IRunActions;
  readonly detail: RunDetail;
  readonly trans: TranslationBundle;
}

function Models({ actions, detail, trans }: IModelsProps): React.JSX.Element {
  return (
    <section className="jp-WindlassRunPage-section">
      <h3>{trans.__('Models')}</h3>
      {detail.models.length === 0 && <p className="jp-WindlassMuted">{trans.__('It logged none.')}</p>}
      {detail.models.map(model => (
        <Model key={model.uri} actions={actions} model={model} trans={trans} />
      ))}
    </section>
  );
}

interface IModelProps extends Pick<IModelsProps, 'actions' | 'trans'> {
  readonly model: RunModel;
}

function Model({ actions, model, trans }: IModelProps): React.JSX.Element {
  const canInsert = actions.canInsert();
  const canRegister = actions.canRegister();
  return (
    <div className="jp-WindlassRunPage-model">
      <div>
        <strong>{model.name}</strong>{' '}
        <span className="jp-WindlassMuted">
          {model.flavors.filter(flavor => flavor !== 'python_function').join(', ')}
        </span>
        <br />
        <code>{model.uri}</code>
      </div>
      <div className="jp-WindlassJobHeader-actions">
        <button
          type="button"
          className="jp-WindlassButton"
          disabled={!canInsert}
          title={
            canInsert
              ? trans.__('Into a new cell of the notebook last used')
              : trans.__('Open a notebook first')
          }
          onClick={() => actions.insertLoadCode(model)}
        >
          {trans.__('Insert Code That Loads It')}
        </button>
        <button
          type="button"
          className="jp-WindlassButton"
          disabled={!canRegister}
          onClick={() => actions.register(model)}
        >
          {trans.__('Register…')}
        </button>
      </div>
    </div>
  );
}
