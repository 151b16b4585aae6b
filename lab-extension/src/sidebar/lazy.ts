/** A panel whose content is fetched when it is first seen, so that it costs nothing at start-up. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';

/** Empty until shown. */
export class LazyPanel extends Widget {
  constructor(options: LazyPanel.IOptions) {
    super();
    this._make = options.make;
    this._trans = options.trans;
    this.layout = new PanelLayout({ fitPolicy: 'set-min-size' });
    // The content fills the panel, before and without any style sheet of ours.
    this.node.style.cssText = 'display: flex; flex-direction: column';
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this._fillWhenSeen();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._fillWhenSeen();
  }

  protected override onActivateRequest(): void {
    this._content?.activate();
  }

  private _fillWhenSeen(): void {
    if (this.isVisible && !this._isFilling) {
      this._isFilling = true;
      void this._fill();
    }
  }

  private async _fill(): Promise<void> {
    try {
      const content = await this._make();
      if (this.isDisposed) {
        content.dispose();
        return;
      }
      this.node.replaceChildren();
      content.node.style.flex = '1 1 auto';
      (this.layout as PanelLayout).addWidget(content);
      this._content = content;
    } catch {
      // A file that could not be fetched: the next time the panel is shown it is tried again.
      this._isFilling = false;
      this.node.textContent = this._trans.__(
        'The panel could not be loaded. Show it again to retry, or reload the page.'
      );
    }
  }

  private _content: Widget | null = null;
  private _isFilling = false;
  private readonly _make: () => Promise<Widget>;
  private readonly _trans: TranslationBundle;
}

/** A namespace for `LazyPanel` statics. */
export namespace LazyPanel {
  /** The options of a `LazyPanel`. */
  export interface IOptions {
    /** Fetches and makes the content. */
    make: () => Promise<Widget>;
    trans: TranslationBundle;
  }
}
