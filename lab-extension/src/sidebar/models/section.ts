/** The Models section: its title's button, and the list below, which is made when the section is first opened. */
import { PanelWithToolbar, refreshIcon, ToolbarButton } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { ModelsModel, registryOf } from '../../model/registry';
import type { IWindlass } from '../../tokens';
import { LazyPanel } from '../lazy';
import { makeModelsBody } from './body';

/** The registered models, with a toolbar. */
export class ModelsSection extends PanelWithToolbar {
  constructor(options: ModelsSection.IOptions) {
    super();
    const { commands, windlass } = options;
    const { trans } = windlass;
    const model = new ModelsModel({ registry: registryOf(windlass) });
    this._model = model;
    this.addClass('jp-WindlassPanel-section');
    this.title.label = trans.__('Models');
    this.toolbar.node.setAttribute('aria-label', trans.__('Models toolbar'));
    this.toolbar.addItem(
      'refresh',
      new ToolbarButton({
        icon: refreshIcon,
        tooltip: trans.__('Ask MLflow for the models now'),
        onClick: () => void model.list.refresh()
      })
    );
    const body = new LazyPanel({
      make: () => Promise.resolve(makeModelsBody({ commands, model, windlass })),
      trans
    });
    body.addClass('jp-WindlassPanel-body');
    this.addWidget(body);
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
    this._model.setSeen(this.isVisible);
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._model.setSeen(this.isVisible);
  }

  protected override onBeforeHide(msg: Message): void {
    super.onBeforeHide(msg);
    this._model.setSeen(false);
  }

  protected override onActivateRequest(): void {
    this.node.querySelector<HTMLElement>('.jp-WindlassModels-row[tabindex="0"], input, button')?.focus();
  }

  private readonly _model: ModelsModel;
}

/** A namespace for `ModelsSection` statics. */
export namespace ModelsSection {
  /** The options of a `ModelsSection`. */
  export interface IOptions {
    commands: CommandRegistry;
    windlass: IWindlass;
  }
}
