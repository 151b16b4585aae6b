/** The content of the Experiments section: it holds the models, and says when they can be seen. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import '../../../style/controls.css';
import '../../../style/experiments.css';
import { CommandIDs } from '../../commands';
import type { ITracked } from '../../model/experiments';
import { ExperimentsModel, trackedOf } from '../../model/experiments';
import { RunsModel } from '../../model/runs';
import type { IWindlass } from '../../tokens';
import { ExperimentsBody } from './body';

/** Experiments and their runs, in the panel. */
export class ExperimentsPanel extends ReactWidget {
  constructor(options: ExperimentsPanel.IOptions) {
    super();
    this._options = options;
    this._tracked = trackedOf(options.windlass);
    this._experiments = new ExperimentsModel({ tracked: this._tracked });
    this.addClass('jp-WindlassPanel-body');
    this.addClass('jp-WindlassExperiments-panel');
    this._experiments.changed.connect(this._onExperiments, this);
    void this._experiments.start();
  }

  /** Read everything anew. */
  async refresh(): Promise<void> {
    await Promise.all([this._experiments.search(''), this._runs?.refresh()]);
  }

  /** Show the runs in the main area, as a wide table. */
  openAsTable(): void {
    if (this._runs) {
      void this._options.commands.execute(CommandIDs.openRuns, { id: this._runs.experimentId });
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._runs?.dispose();
      this._experiments.changed.disconnect(this._onExperiments, this);
      super.dispose();
    }
  }

  protected override render(): React.JSX.Element {
    return (
      <ExperimentsBody
        {...this._options}
        experiments={this._experiments}
        runs={this._runs}
        tracked={this._tracked}
      />
    );
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._runs?.setSeen(this.isVisible);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._runs?.setSeen(this.isVisible);
  }

  protected override onBeforeHide(msg: Message): void {
    super.onBeforeHide(msg);
    this._runs?.setSeen(false);
  }

  protected override onActivateRequest(): void {
    this.node.querySelector<HTMLElement>('[role="row"][tabindex="0"], button')?.focus();
  }

  private _onExperiments(): void {
    const id = this._experiments.current?.id ?? null;
    if (id === (this._runs?.experimentId ?? null)) {
      return;
    }
    this._runs?.dispose();
    this._runs =
      id === null
        ? null
        : new RunsModel({
            experimentId: id,
            settings: this._options.windlass.settings,
            tracked: this._tracked
          });
    this._runs?.changed.connect(this._onRuns, this);
    this._runs?.setSeen(this.isVisible);
    this.update();
  }

  /** An experiment that was remembered, and is no more, gives way to another. */
  private _onRuns(runs: RunsModel): void {
    if (runs.status === 'error' && runs.problem?.status === 404) {
      this._experiments.forget(runs.experimentId);
    }
  }

  private readonly _options: ExperimentsPanel.IOptions;
  private _runs: RunsModel | null = null;
  private readonly _experiments: ExperimentsModel;
  private readonly _tracked: ITracked;
}

/** A namespace for `ExperimentsPanel` statics. */
export namespace ExperimentsPanel {
  /** The options of an `ExperimentsPanel`. */
  export interface IOptions {
    commands: CommandRegistry;
    windlass: IWindlass;
  }
}
