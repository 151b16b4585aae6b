/** The page of an experiment's runs in the main area: the wide table, with the panel's filter and controls. */
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { spreadsheetIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/experiments.css';
import type { ITracked } from '../../model/experiments';
import { trackedOf } from '../../model/experiments';
import { RunsModel } from '../../model/runs';
import { RunsView } from '../../sidebar/experiments/runsView';
import type { IWindlass } from '../../tokens';
import { RunsTable } from './table';

/** The runs of one experiment. */
export class RunsPage extends MainAreaWidget<RunsContent> {
  constructor(options: RunsPage.IOptions) {
    super({ content: new RunsContent(options) });
    const { trans } = options.windlass;
    this.id = `jp-windlass-runs-${options.experimentId}`;
    this.title.icon = spreadsheetIcon;
    this.title.label = trans.__('Runs');
    this.title.closable = true;
    this.addClass('jp-WindlassRunsPage');
    // The page has no toolbar of JupyterLab's; its controls stand beside its filter.
    this.toolbar.hide();
    void this._findName(options);
  }

  /** The page is known by the experiment's name, when that is known. */
  private async _findName({ experimentId, windlass }: RunsPage.IOptions): Promise<void> {
    const name = await nameOf(experimentId, trackedOf(windlass));
    if (name !== null && !this.isDisposed) {
      this.title.label = name;
      this.title.caption = windlass.trans.__('Runs of %1', name);
      this.content.setName(name);
    }
  }
}

/** A namespace for `RunsPage` statics. */
export namespace RunsPage {
  /** The options of a `RunsPage`. */
  export interface IOptions {
    commands: CommandRegistry;
    experimentId: string;
    windlass: IWindlass;
  }
}

/** What the page shows. */
class RunsContent extends ReactWidget {
  constructor(options: RunsPage.IOptions) {
    super();
    const { experimentId, windlass } = options;
    this._options = options;
    this._tracked = trackedOf(windlass);
    this._runs = new RunsModel({ experimentId, settings: windlass.settings, tracked: this._tracked });
    this.addClass('jp-WindlassRunsPage-content');
  }

  /** Say which experiment it is. */
  setName(name: string): void {
    this._name = name;
    this.update();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._runs.dispose();
      super.dispose();
    }
  }

  protected override render(): React.JSX.Element {
    const { commands, windlass } = this._options;
    const { trans } = windlass;
    return (
      <>
        <h2 className="jp-WindlassRunsPage-title">{this._name ?? trans.__('Runs')}</h2>
        <RunsView
          commands={commands}
          model={this._runs}
          tracked={this._tracked}
          windlass={windlass}
          renderRows={actions => (
            <RunsTable
              actions={actions}
              runs={this._runs}
              selection={this._tracked.selection}
              trans={trans}
            />
          )}
        />
      </>
    );
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._runs.setSeen(this.isVisible);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._runs.setSeen(this.isVisible);
  }

  protected override onBeforeHide(msg: Message): void {
    super.onBeforeHide(msg);
    this._runs.setSeen(false);
  }

  private _name: string | null = null;
  private readonly _options: RunsPage.IOptions;
  private readonly _runs: RunsModel;
  private readonly _tracked: ITracked;
}

/** The name of an experiment; null: it cannot be found out. */
async function nameOf(id: string, { client, views }: ITracked): Promise<string | null> {
  const last = await views.lastExperiment();
  if (last?.id === id) {
    return last.name;
  }
  try {
    const { items } = await client.experiments({ limit: 200 });
    return items.find(experiment => experiment.id === id)?.name ?? null;
  } catch {
    return null;
  }
}
