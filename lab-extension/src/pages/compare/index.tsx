/**
 * The page of a comparison in the main area: curves, values side by side, scatter and notebooks of some runs.
 *
 * It shows what its models say. While a run goes on and somebody looks, it asks for what is new.
 */
import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import { UUID } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/jobPage.css';
import '../../../style/compare.css';
import { ExperimentsClient } from '../../api/experiments';
import type { Comparison } from '../../api/types';
import { isLive } from '../../api/types';
import { CommandIDs } from '../../commands';
import { StateView } from '../../components/stateView';
import { panelId, tabId, Tabs } from '../../components/tabs';
import { windlassIcon } from '../../icons';
import type { IWindlass } from '../../tokens';
import { CurvesModel } from './curves/model';
import { CurvesTab } from './curves/tab';
import { Header } from './header';
import { CompareModel, runIdsOf } from './model';
import { NotebooksTab } from './notebooks';
import { Pulse } from './pulse';
import { ScatterTab } from './scatter/tab';
import { tabsOf } from './tabs';
import { ValuesTab } from './values/tab';
import { CompareView } from './view';

/** The page of some runs. */
export class ComparePage extends MainAreaWidget<ReactWidget> {
  constructor(options: ComparePage.IOptions) {
    const changed = new Signal<object, void>({});
    super({
      content: ReactWidget.create(<UseSignal signal={changed}>{() => this._render()}</UseSignal>)
    });
    const { windlass, key, commands } = options;
    const { trans, store, client } = windlass;
    const runIds = runIdsOf(key);
    this._changed = changed;
    this._commands = commands;
    this._windlass = windlass;
    this._client = new ExperimentsClient({ serverSettings: client.serverSettings });
    this._model = new CompareModel({ client: this._client, runIds, trans });
    this._curves = new CurvesModel({ client: this._client, runIds, trans });
    this._view = new CompareView({ store });
    this._pulse = new Pulse({
      ask: async () => this._follow(),
      isSeen: () => this.isVisible,
      isWanted: () => this._model.isLive || this._model.state === 'stale',
      leastMilliseconds: options.leastMilliseconds
    });
    this.id = `jp-windlass-compare-${UUID.uuid4()}`;
    this.title.icon = windlassIcon;
    this.title.closable = true;
    this.title.label = trans._n('Compare %1 run', 'Compare %1 runs', runIds.length);
    this.addClass('jp-WindlassCompare');
    this.content.addClass('jp-WindlassCompare-content');
    this.toolbar.hide();
    for (const { changed: signal } of [this._model, this._curves, this._view]) {
      signal.connect(this._onChanged, this);
    }
    void this._view.restore();
    void this._model.refresh();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      for (const part of [this._pulse, this._model, this._curves, this._view]) {
        part.dispose();
      }
      super.dispose();
    }
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._pulse.update();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._pulse.update();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._pulse.update();
  }

  private _onChanged(): void {
    this._pulse.update();
    this._changed.emit();
  }

  /** Ask for what is new: of runs that went on when they were last heard of, so that their end is seen too. */
  private async _follow(): Promise<void> {
    const live = this._model.comparison?.runs.filter(run => isLive(run.status)).map(run => run.id) ?? [];
    await Promise.all([this._model.refresh(), this._curves.follow(live)]);
  }

  private async _refresh(): Promise<void> {
    this._curves.retry();
    await this._follow();
  }

  private _render(): React.JSX.Element {
    const { trans } = this._windlass;
    const { comparison, state, problem } = this._model;
    const retry = { label: trans.__('Try again'), act: () => void this._model.refresh() };
    if (!comparison) {
      return state === 'loading' ? (
        <StateView kind="loading" text={trans.__('Loading…')} />
      ) : (
        <StateView
          kind={state === 'forbidden' ? 'forbidden' : 'error'}
          text={problem ?? ''}
          actions={[retry]}
        />
      );
    }
    const { tab } = this._view.value;
    return (
      <>
        <Header
          comparison={comparison}
          problem={problem}
          isLive={this._model.isLive}
          onRefresh={() => void this._refresh()}
          trans={trans}
        />
        {comparison.runs.length > 0 && (
          <>
            <Tabs
              idPrefix={this.id}
              label={trans.__('Comparison')}
              tabs={tabsOf(trans)}
              current={tab}
              onChoose={name => this._view.set({ tab: name })}
            />
            <div
              className="jp-WindlassCompare-panel"
              role="tabpanel"
              id={panelId(this.id, tab)}
              aria-labelledby={tabId(this.id, tab)}
              tabIndex={0}
            >
              {this._renderTab(comparison)}
            </div>
          </>
        )}
      </>
    );
  }

  private _renderTab(comparison: Comparison): React.JSX.Element {
    const { trans } = this._windlass;
    const { value } = this._view;
    const common = {
      comparison,
      value,
      onChange: (change: Partial<typeof value>) => this._view.set(change),
      onOpenRun: this._commands.hasCommand(CommandIDs.openRun) ? this._openRun : null,
      trans
    };
    switch (value.tab) {
      case 'curves':
        return (
          <CurvesTab
            {...common}
            runs={comparison.runs}
            metrics={comparison.metrics}
            curves={this._curves}
            revision={this._curves.revision}
            view={this._view}
          />
        );
      case 'values':
        return <ValuesTab {...common} />;
      case 'scatter':
        return <ScatterTab {...common} />;
      case 'notebooks':
        return <NotebooksTab client={this._client} comparison={comparison} trans={trans} />;
    }
  }

  private readonly _openRun = (id: string): void => void this._commands.execute(CommandIDs.openRun, { id });

  private readonly _changed: Signal<object, void>;
  private readonly _client: ExperimentsClient;
  private readonly _commands: CommandRegistry;
  private readonly _curves: CurvesModel;
  private readonly _model: CompareModel;
  private readonly _pulse: Pulse;
  private readonly _view: CompareView;
  private readonly _windlass: IWindlass;
}

/** A namespace for ComparePage. */
export namespace ComparePage {
  /** Options of a ComparePage. */
  export interface IOptions {
    readonly windlass: IWindlass;
    /** Names the runs; see `runIdsOf`. */
    readonly key: string;
    readonly commands: CommandRegistry;
    /** The shortest pause between two questions about runs that go on. */
    readonly leastMilliseconds?: number;
  }
}
