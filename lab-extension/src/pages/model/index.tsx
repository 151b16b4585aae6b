/**
 * The page of a registered model in the main area: its versions, the details of one or the difference of two, and the
 * log of its promotions.
 */
import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/jobPage.css';
import '../../../style/modelPage.css';
import { windlassIcon } from '../../icons';
import type { IWindlass } from '../../tokens';
import { ModelPageModel } from './model';
import { Page } from './page';

/** The page of one model. */
export class ModelPage extends MainAreaWidget<ReactWidget> {
  constructor(options: ModelPage.IOptions) {
    const { commands, name, windlass } = options;
    const model = new ModelPageModel({ name, windlass });
    super({
      content: ReactWidget.create(
        <UseSignal signal={model.changed}>{() => <Page model={model} commands={commands} />}</UseSignal>
      )
    });
    this._model = model;
    this.id = `jp-windlass-model-${encodeURIComponent(name)}`;
    this.title.icon = windlassIcon;
    this.title.closable = true;
    this.title.label = name;
    this.title.caption = windlass.trans.__('Model %1', name);
    this.addClass('jp-WindlassModelPage');
    this.content.addClass('jp-WindlassModelPage-content');
    // The page has no toolbar of JupyterLab's; its actions stand in its head.
    this.toolbar.hide();
  }

  /** Show one version by itself. */
  showVersion(version: string): void {
    this._model.showVersion(version);
  }

  /** Show who promoted what. */
  showPromotions(): void {
    this._model.showTab('promotions');
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._model.dispose();
      super.dispose();
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._model.setSeen(this.isVisible);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._model.setSeen(true);
  }

  protected override onBeforeHide(msg: Message): void {
    super.onBeforeHide(msg);
    this._model.setSeen(false);
  }

  private readonly _model: ModelPageModel;
}

/** A namespace for `ModelPage` statics. */
export namespace ModelPage {
  /** The options of a `ModelPage`. */
  export interface IOptions {
    readonly commands: CommandRegistry;
    readonly name: string;
    readonly windlass: IWindlass;
  }
}
