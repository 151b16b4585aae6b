/** The page of costs in the main area: what was spent by whom and what for, budgets, and the prices in force. */
import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/jobPage.css';
import '../../../style/costs.css';
import { windlassIcon } from '../../icons';
import type { IWindlass } from '../../tokens';
import { Body } from './body';
import { CostsPageModel } from './model';

/** The page. */
export class CostsPage extends MainAreaWidget<ReactWidget> {
  constructor(options: CostsPage.IOptions) {
    const { commands, windlass } = options;
    const model = new CostsPageModel({ windlass });
    super({
      content: ReactWidget.create(
        <UseSignal signal={model.changed}>{() => <Body model={model} commands={commands} />}</UseSignal>
      )
    });
    this._model = model;
    this.id = 'jp-windlass-costs';
    this.title.icon = windlassIcon;
    this.title.closable = true;
    this.title.label = windlass.trans.__('Costs');
    this.title.caption = windlass.trans.__('What was spent, budgets and prices');
    this.addClass('jp-WindlassCostsPage');
    this.content.addClass('jp-WindlassCostsPage-content');
    // The page has no toolbar of JupyterLab's; its actions stand in its head.
    this.toolbar.hide();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._model.dispose();
      super.dispose();
    }
  }

  private readonly _model: CostsPageModel;
}

/** A namespace for `CostsPage` statics. */
export namespace CostsPage {
  /** The options of a `CostsPage`. */
  export interface IOptions {
    readonly commands: CommandRegistry;
    readonly windlass: IWindlass;
  }
}
