/**
 * The page of a job in the main area: head, and the tabs Log, Notebook, Cluster, Details, Cost, Runs and Difference.
 *
 * Tabs are built when first looked at. The page shows what its model says and holds no truth of its own.
 */
import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { Panel } from '@lumino/widgets';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/jobPage.css';
import '../../../style/jobLog.css';
import '../../../style/jobNotebook.css';
import type { Job } from '../../api/types';
import { CLUSTER_ENGINE, isFinal } from '../../api/types';
import { CommandIDs } from '../../commands';
import { goToCell } from '../../components/goToCell';
import { StateView } from '../../components/stateView';
import { panelId, tabId, Tabs } from '../../components/tabs';
import { openRerunDialog } from '../../dialogs/rerun';
import { windlassIcon } from '../../icons';
import { trackingUrl } from '../../model/tracking';
import { LazyPanel } from '../../sidebar/lazy';
import type { IWindlass } from '../../tokens';
import { AdviceBanner } from './cost/advice';
import { JobCostModel } from './cost/model';
import { Details } from './details';
import { DiffTab } from './diff/tab';
import { ErrorBox } from './errorBox';
import { Header } from './header';
import { LogTab } from './log/tab';
import { JobPageModel } from './model';
import { NotebookTab } from './notebook/tab';
import { Runs } from './runs';
import type { JobTabName } from './tabs';

/** The page of one job. */
export class JobPage extends MainAreaWidget<Panel> {
  constructor(options: JobPage.IOptions) {
    const content = new Panel();
    content.addClass('jp-WindlassJobPage-content');
    super({ content });
    this.jobId = options.jobId;
    this._windlass = options.windlass;
    this._rendermime = options.rendermime;
    this._commands = options.commands;
    this._model = new JobPageModel(options);
    this._cost = new JobCostModel({ page: this._model, isSeen: () => this._wantsCost() });
    this.id = `jp-windlass-job-${options.jobId}`;
    this.title.icon = windlassIcon;
    this.title.closable = true;
    this.addClass('jp-WindlassJobPage');
    // The page has no toolbar of JupyterLab's; its actions stand in its head.
    this.toolbar.hide();
    this._body.addClass('jp-WindlassJobPage-body');
    content.addWidget(this._react(() => this._renderHead()));
    content.addWidget(this._body);
    this._model.changed.connect(this._onModel, this);
    this._cost.changed.connect(this._emit, this);
    this._onModel();
  }

  readonly jobId: string;

  /** Show one of the tabs. */
  showTab(name: JobTabName): void {
    this._current = name;
    if (this._model.job) {
      this._panel(name, this._model.job);
    }
    for (const [other, panel] of this._panels) {
      panel.setHidden(other !== name);
    }
    this._cost.update();
    this._emit();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._cost.dispose();
      this._model.dispose();
      super.dispose();
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._cost.update();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._cost.update();
  }

  /** Whether somebody looks at what it costs, or there may be advice in the head. */
  private _wantsCost(): boolean {
    const { job } = this._model;
    return this.isVisible && (this._current === 'cost' || (job !== null && isFinal(job.state)));
  }

  private _emit(): void {
    this._changed.emit();
  }

  private _onModel(): void {
    const { job } = this._model;
    const { trans } = this._windlass;
    this.title.label = job?.name ?? trans.__('Job');
    this.title.caption = job ? trans.__('Job %1 of %2', job.name, job.notebook) : '';
    this._body.setHidden(job === null);
    if (job && this._panels.size === 0) {
      this.showTab(this._current);
    }
    this._changed.emit();
  }

  /** The widget of a tab, made when there is none yet. */
  private _panel(name: JobTabName, job: Job): void {
    if (this._panels.has(name)) {
      return;
    }
    const panel = this._createPanel(name, job);
    panel.id = panelId(this.id, name);
    panel.addClass('jp-WindlassJobPage-panel');
    panel.node.setAttribute('role', 'tabpanel');
    panel.node.setAttribute('aria-labelledby', tabId(this.id, name));
    this._panels.set(name, panel);
    this._body.addWidget(panel);
  }

  private _createPanel(name: JobTabName, job: Job): Widget {
    const { client, socket, trans } = this._windlass;
    switch (name) {
      case 'log':
        return new LogTab({
          feed: {
            logs: async (id, query) => client.logs(id, query),
            followLog: (id, rank, offset) => socket.followLog(id, rank, offset)
          },
          jobId: this.jobId,
          name: job.name,
          worldSize: job.world_size,
          isLive: () => this._model.job !== null && !isFinal(this._model.job.state),
          trans
        });
      case 'notebook':
        return this._notebookPanel();
      case 'placement':
        return new LazyPanel({ make: async () => this._makePlacement(), trans });
      case 'details':
        return this._react(() => this._renderDetails());
      case 'cost':
        return new LazyPanel({ make: async () => this._makeCost(), trans });
      case 'runs':
        return this._react(() => this._renderRuns());
      case 'diff':
        return ReactWidget.create(
          <DiffTab windlass={this._windlass} jobId={this.jobId} notebook={job.notebook} />
        );
    }
  }

  private async _makePlacement(): Promise<Widget> {
    const { PlacementTab } = await import('./placement/tab');
    return new PlacementTab({ page: this._model });
  }

  private async _makeCost(): Promise<Widget> {
    const { makeCostTab } = await import('./cost/tab');
    return makeCostTab({ model: this._cost, commands: this._commands });
  }

  private _notebookPanel(): Widget {
    const panel = new Panel();
    panel.addWidget(new NotebookTab({ model: this._model, rendermime: this._rendermime }));
    return panel;
  }

  private _react(render: () => React.JSX.Element | null): ReactWidget {
    return ReactWidget.create(<UseSignal signal={this._changed}>{render}</UseSignal>);
  }

  private _renderHead(): React.JSX.Element {
    const { job, isStale } = this._model;
    const { trans, jobs } = this._windlass;
    if (!job) {
      return <StateView {...this._stateProps()} />;
    }
    return (
      <>
        <Header
          job={job}
          isStale={isStale}
          elapsedSeconds={() => jobs.elapsedSeconds(job)}
          commands={this._commands}
          onMade={again => void this._open(again)}
          onRerunWithParameters={() => void this._rerun(job)}
          onShowCost={() => this.showTab('cost')}
          trans={trans}
        />
        {job.error && (
          <ErrorBox
            error={job.error}
            onGoToCell={(cell, line) => this._goToCell(job, cell, line)}
            trans={trans}
          />
        )}
        {this._renderAdvice(job)}
        <Tabs
          idPrefix={this.id}
          label={trans.__('Job')}
          tabs={this._tabs(job)}
          current={this._current}
          onChoose={name => this.showTab(name)}
        />
      </>
    );
  }

  private _renderAdvice(job: Job): React.JSX.Element | null {
    const { value: advice } = this._cost.advice;
    return advice && this._current !== 'cost' && isFinal(job.state) ? (
      <AdviceBanner
        advice={advice}
        commands={this._commands}
        job={job}
        onShow={() => this.showTab('cost')}
        trans={this._windlass.trans}
      />
    ) : null;
  }

  private _tabs(job: Job): { name: JobTabName; label: string }[] {
    const { trans } = this._windlass;
    const runs = job.runs.length;
    return [
      { name: 'log', label: trans.__('Log') },
      { name: 'notebook', label: trans.__('Notebook') },
      ...(job.engine === CLUSTER_ENGINE ? [{ name: 'placement' as const, label: trans.__('Cluster') }] : []),
      { name: 'details', label: trans.__('Details') },
      { name: 'cost', label: trans.__('Cost') },
      { name: 'runs', label: runs > 0 ? trans.__('Runs (%1)', runs) : trans.__('Runs') },
      { name: 'diff', label: trans.__('Changes') }
    ];
  }

  private _renderDetails(): React.JSX.Element | null {
    const { job } = this._model;
    const open = (path: string): void => void this._commands.execute('docmanager:open', { path });
    return (
      job && <Details job={job} onOpenNotebook={() => open(job.notebook)} trans={this._windlass.trans} />
    );
  }

  private _renderRuns(): React.JSX.Element | null {
    const { job } = this._model;
    const { info, trans } = this._windlass;
    const onOpenRun = (id: string): void => void this._commands.execute(CommandIDs.openRun, { id });
    const url = trackingUrl(info.info, window.location);
    return job && <Runs job={job} trackingUrl={url} onOpenRun={onOpenRun} trans={trans} />;
  }

  private _stateProps(): StateView.IProps {
    const { trans } = this._windlass;
    const { state, problem } = this._model;
    const retry = { label: trans.__('Try again'), act: () => void this._model.refresh() };
    switch (state) {
      case 'missing':
        return {
          kind: 'empty',
          text: trans.__('There is no such job. It may have been deleted.'),
          code: this.jobId
        };
      case 'forbidden':
        return { kind: 'forbidden', text: problem ?? '', actions: [retry] };
      case 'error':
        return { kind: 'error', text: problem ?? '', actions: [retry] };
      default:
        return { kind: 'loading', text: trans.__('Loading…') };
    }
  }

  private _goToCell(job: Job, cell: number, line: number | null): void {
    void goToCell(this._commands, { path: job.notebook, cell, line });
  }

  private async _rerun(job: Job): Promise<void> {
    await this._open(
      await openRerunDialog({
        windlass: this._windlass,
        job,
        send: async parameters => this._windlass.jobs.rerun(job.id, parameters)
      })
    );
  }

  /** Show the job that an action has made, if it has. */
  private async _open(made: Job | null | undefined): Promise<void> {
    if (made) {
      await this._commands.execute(CommandIDs.openJob, { id: made.id });
    }
  }

  private readonly _body = new Panel();
  private readonly _commands: CommandRegistry;
  private readonly _cost: JobCostModel;
  private _current: JobTabName = 'log';
  private readonly _model: JobPageModel;
  private readonly _panels = new Map<JobTabName, Widget>();
  private readonly _rendermime: IRenderMimeRegistry;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _windlass: IWindlass;
}

/** A namespace for JobPage. */
export namespace JobPage {
  /** Options of a JobPage. */
  export interface IOptions {
    readonly windlass: IWindlass;
    readonly jobId: string;
    readonly rendermime: IRenderMimeRegistry;
    readonly commands: CommandRegistry;
  }
}
