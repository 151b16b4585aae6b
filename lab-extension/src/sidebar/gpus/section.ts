/** The GPUs section: its title's buttons, and the list below, which is made when the section is first opened. */
import { PanelWithToolbar, ToolbarButton } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { chartsIcon } from '../../components/chartsIcon';
import { GpuCommandIDs } from '../../model/gpuCommands';
import type { GpusModel } from '../../model/gpus';
import { gpusOf } from '../../model/gpus';
import type { IWindlass } from '../../tokens';
import { LazyPanel } from '../lazy';
import { makeGpusBody } from './body';

/** How GPUs are used now, with a toolbar. It looks while it can be seen, and only then. */
export class GpusSection extends PanelWithToolbar {
  constructor(options: GpusSection.IOptions) {
    super();
    const { commands, windlass } = options;
    const { trans } = windlass;
    this._model = gpusOf(windlass);
    this.addClass('jp-WindlassPanel-section');
    this.title.label = trans.__('GPUs');
    this.toolbar.node.setAttribute('aria-label', trans.__('GPUs toolbar'));
    this.toolbar.addItem(
      'charts',
      new ToolbarButton({
        icon: chartsIcon,
        tooltip: trans.__('Show how GPUs were used, as charts'),
        onClick: () => void commands.execute(GpuCommandIDs.openGpus)
      })
    );
    const body = new LazyPanel({
      make: () => Promise.resolve(makeGpusBody({ commands, model: this._model, windlass })),
      trans
    });
    body.addClass('jp-WindlassPanel-body');
    this.addWidget(body);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._see(false);
      super.dispose();
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._see(this.isVisible);
  }

  protected override onBeforeDetach(msg: Message): void {
    super.onBeforeDetach(msg);
    this._see(false);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._see(this.isVisible);
  }

  protected override onBeforeHide(msg: Message): void {
    super.onBeforeHide(msg);
    this._see(false);
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._see(false);
  }

  protected override onActivateRequest(): void {
    this.node.querySelector<HTMLElement>('.jp-WindlassGpus-row[tabindex="0"], button')?.focus();
  }

  private _see(isSeen: boolean): void {
    if (isSeen) {
      this._look ??= this._model.look();
    } else {
      this._look?.dispose();
      this._look = null;
    }
  }

  private _look: IDisposable | null = null;
  private readonly _model: GpusModel;
}

/** A namespace for `GpusSection` statics. */
export namespace GpusSection {
  /** The options of a `GpusSection`. */
  export interface IOptions {
    commands: CommandRegistry;
    windlass: IWindlass;
  }
}
