/** The head of a run's page and its tabs; or why there is no run to show. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import type { RunDetail } from '../../api/types';
import { StateView } from '../../components/stateView';
import { panelId, tabId, Tabs } from '../../components/tabs';
import { useRemote } from '../../components/useRemote';
import { useSignal } from '../../components/useSignal';
import { WidgetHost } from '../../components/widgetHost';
import { trackedOf } from '../../model/experiments';
import type { IRunActions } from './actions';
import { FilesTab } from './files/tab';
import { RunHeader } from './header';
import type { RunPageModel } from './model';
import { NotebookView } from './notebook';
import { Overview } from './overview';
import { SentTab } from './sent/tab';

type TabName = 'overview' | 'files' | 'notebook' | 'sent';

interface IBodyProps {
  readonly actions: IRunActions;
  readonly commands: CommandRegistry;
  readonly model: RunPageModel;
  readonly rendermime: IRenderMimeRegistry;
}

/** All of the page. */
export function RunBody(props: IBodyProps): React.JSX.Element {
  const { actions, commands, model } = props;
  const { trans } = model.windlass;
  const idPrefix = React.useId();
  const detail = useSignal(model.changed, () => model.detail);
  const problem = useSignal(model.changed, () => model.problem);
  const [current, setCurrent] = React.useState<TabName>('overview');
  const [seen, setSeen] = React.useState<readonly TabName[]>(['overview']);
  if (!detail) {
    return <NoRun model={model} />;
  }
  const choose = (name: TabName): void => {
    setCurrent(name);
    setSeen(seen.includes(name) ? seen : [...seen, name]);
  };
  return (
    <>
      <RunHeader
        actions={actions}
        commands={commands}
        detail={detail}
        isStale={problem !== null}
        selection={trackedOf(model.windlass).selection}
        trans={trans}
      />
      <Tabs
        idPrefix={idPrefix}
        label={trans.__('Run')}
        tabs={tabsOf(detail, trans)}
        current={current}
        onChoose={choose}
      />
      {seen.map(name => (
        <div
          key={name}
          id={panelId(idPrefix, name)}
          className="jp-WindlassJobPage-panel"
          role="tabpanel"
          aria-labelledby={tabId(idPrefix, name)}
          hidden={name !== current}
        >
          <TabContent {...props} name={name} />
        </div>
      ))}
    </>
  );
}

function tabsOf(
  detail: RunDetail,
  trans: RunPageModel['windlass']['trans']
): { name: TabName; label: string }[] {
  return [
    { name: 'overview', label: trans.__('Overview') },
    { name: 'files', label: trans.__('Files') },
    ...(detail.executed_notebook === null
      ? []
      : [{ name: 'notebook' as const, label: trans.__('Notebook as It Ran') }]),
    ...(detail.bundle === null ? [] : [{ name: 'sent' as const, label: trans.__('What Was Sent') }])
  ];
}

function TabContent({ name, ...props }: IBodyProps & { readonly name: TabName }): React.JSX.Element {
  switch (name) {
    case 'overview':
      return <Overview {...props} />;
    case 'files':
      return <FilesTab {...props} />;
    case 'notebook':
      return <NotebookTab {...props} />;
    case 'sent':
      return <SentTab {...props} />;
  }
}

function NotebookTab({ model, rendermime }: IBodyProps): React.JSX.Element {
  const { client, runId, windlass } = model;
  const { trans } = windlass;
  const { value, problem, again } = useRemote(runId, async () => client.notebook(runId));
  const make = React.useCallback(() => {
    const notebook = value ?? { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 };
    return new NotebookView({ label: trans.__('Notebook as it ran'), notebook, rendermime, trans });
  }, [value, rendermime, trans]);
  if (problem && !value) {
    const retry = { label: trans.__('Try again'), act: again };
    return <StateView kind="error" text={toMessage(problem, trans)} actions={[retry]} />;
  }
  return value ? <WidgetHost make={make} /> : <StateView kind="loading" text={trans.__('Loading…')} />;
}

/** No run: not yet, or why. */
function NoRun({ model }: { model: RunPageModel }): React.JSX.Element {
  const { trans } = model.windlass;
  const problem = useSignal(model.changed, () => model.problem);
  const retry = { label: trans.__('Try again'), act: () => void model.refresh() };
  if (problem === null) {
    return <StateView kind="loading" text={trans.__('Loading…')} />;
  }
  if (problem.status === 404 && problem.problem) {
    const text = trans.__('There is no such run in MLflow. It may have been deleted for good.');
    return <StateView kind="empty" text={text} code={model.runId} actions={[retry]} />;
  }
  const kind = problem.kind === 'forbidden' || problem.kind === 'absent' ? problem.kind : 'error';
  return <StateView kind={kind} text={toMessage(problem, trans)} actions={[retry]} />;
}
