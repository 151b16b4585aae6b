/**
 * The page of a run in the main area: head, and the tabs Overview, Files, Notebook and What Was Sent.
 *
 * Tabs are built when first looked at. The page shows what its model says and holds no truth of its own.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/experiments.css';
import '../../../style/jobPage.css';
import '../../../style/runPage.css';
import { windlassIcon } from '../../icons';
import type { IWindlass } from '../../tokens';
import { runActions } from './actions';
import { RunBody } from './body';
import { RunPageModel } from './model';

/** The page of one run. */
export class RunPage extends MainAreaWidget<RunContent> {
  constructor(options: RunPage.IOptions) {
    super({ content: new RunContent(options) });
    this.id = `jp-windlass-run-${options.runId}`;
    this.title.icon = windlassIcon;
    this.title.closable = true;
    this.addClass('jp-WindlassRunPage');
    // The page has no toolbar of JupyterLab's; its actions stand in its head.
    this.toolbar.hide();
    const { model } = this.content;
    const { trans } = options.windlass;
    const name = (): void => {
      this.title.label = model.detail?.run.name ?? trans.__('Run');
      this.title.caption = trans.__('Run %1', options.runId);
    };
    model.changed.connect(name, this);
    name();
  }
}

/** A namespace for `RunPage` statics. */
export namespace RunPage {
  /** The options of a `RunPage`. */
  export interface IOptions {
    readonly commands: CommandRegistry;
    readonly notebooks: INotebookTracker | null;
    readonly rendermime: IRenderMimeRegistry;
    readonly runId: string;
    readonly shell: JupyterFrontEnd.IShell;
    readonly windlass: IWindlass;
  }
}

/** What the page shows; it says when it can be seen. */
class RunContent extends ReactWidget {
  constructor(options: RunPage.IOptions) {
    super();
    this._options = options;
    this.model = new RunPageModel(options);
    this.addClass('jp-WindlassJobPage-content');
    this.addClass('jp-WindlassRunPage-content');
  }

  readonly model: RunPageModel;

  override dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }

  protected override render(): React.JSX.Element {
    const { commands, rendermime } = this._options;
    const actions = runActions({ ...this._options, model: this.model });
    return <RunBody actions={actions} commands={commands} model={this.model} rendermime={rendermime} />;
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.model.setSeen(this.isVisible);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.model.setSeen(this.isVisible);
    // What can be done depends on the notebook that was used meanwhile.
    this.update();
  }

  protected override onBeforeHide(msg: Message): void {
    super.onBeforeHide(msg);
    this.model.setSeen(false);
  }

  private readonly _options: RunPage.IOptions;
}
