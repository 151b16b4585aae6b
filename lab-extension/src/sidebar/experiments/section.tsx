/** The Experiments section: its title's buttons; what is below them is fetched when it is first seen. */
import { PanelWithToolbar, refreshIcon, spreadsheetIcon, ToolbarButton } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { IWindlass } from '../../tokens';
import { LazyPanel } from '../lazy';
import type { ExperimentsPanel } from './panel';

/** The runs of an experiment with their toolbar. */
export class ExperimentsSection extends PanelWithToolbar {
  constructor(options: ExperimentsSection.IOptions) {
    super();
    const { trans } = options.windlass;
    this.addClass('jp-WindlassPanel-section');
    this.title.label = trans.__('Experiments');
    this.toolbar.node.setAttribute('aria-label', trans.__('Experiments toolbar'));
    this.toolbar.addItem(
      'table',
      new ToolbarButton({
        icon: spreadsheetIcon,
        tooltip: trans.__('Open the runs as a table'),
        onClick: () => this._panel?.openAsTable()
      })
    );
    this.toolbar.addItem(
      'refresh',
      new ToolbarButton({
        icon: refreshIcon,
        tooltip: trans.__('Read the runs anew'),
        onClick: () => void this._panel?.refresh()
      })
    );
    const body = new LazyPanel({
      make: async () => {
        const { ExperimentsPanel } = await import('./panel');
        return (this._panel = new ExperimentsPanel(options));
      },
      trans
    });
    body.addClass('jp-WindlassPanel-body');
    this.addWidget(body);
  }

  private _panel: ExperimentsPanel | null = null;
}

/** A namespace for `ExperimentsSection` statics. */
export namespace ExperimentsSection {
  /** The options of an `ExperimentsSection`. */
  export interface IOptions {
    commands: CommandRegistry;
    windlass: IWindlass;
  }
}
