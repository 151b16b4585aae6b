/** The status bar's word on GPUs: how much they are used and what is spent now. A click shows the charts. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import '../../style/statusbar.css';
import type { GpuSnapshot } from '../api/types';
import { formatPercent } from '../components/gpuFigures';
import { formatRate } from '../components/money';
import { GpuCommandIDs } from '../model/gpuCommands';
import type { GpusModel } from '../model/gpus';

/** “GPU 63 % · $12.40/h”, as a button. It looks while it can be seen, and only then. */
export class GpuStatus extends Widget {
  constructor(options: GpuStatus.IOptions) {
    super({ node: document.createElement('button') });
    const { commands, model, trans } = options;
    this.addClass('jp-WindlassStatus');
    this.addClass('jp-mod-highlighted');
    this._model = model;
    this._trans = trans;
    this._text = document.createElement('span');
    this._text.className = 'jp-StatusBar-TextItem';
    this.node.append(this._text);
    this.node.addEventListener('click', () => void commands.execute(GpuCommandIDs.openGpus));
    model.changed.connect(this._update, this);
    this._update();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._see(false);
      Signal.clearData(this);
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

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._see(false);
  }

  private _see(isSeen: boolean): void {
    if (isSeen) {
      this._look ??= this._model.look();
    } else {
      this._look?.dispose();
      this._look = null;
    }
  }

  private _update(): void {
    const { snapshot, status } = this._model;
    const text = snapshot ? statusText(snapshot, this._trans) : '';
    const title = snapshot ? titleText(snapshot, status === 'stale', this._trans) : '';
    if (text !== this._text.textContent) {
      this._text.textContent = text;
    }
    if (title !== this.node.title) {
      this.node.title = title;
    }
  }

  private _look: IDisposable | null = null;
  private readonly _model: GpusModel;
  private readonly _text: HTMLElement;
  private readonly _trans: TranslationBundle;
}

/** A namespace for `GpuStatus` statics. */
export namespace GpuStatus {
  /** The options of a `GpuStatus`. */
  export interface IOptions {
    commands: CommandRegistry;
    model: GpusModel;
    trans: TranslationBundle;
  }
}

/** How much is used and spent now, and how many alarms there are. */
export function statusText(snapshot: GpuSnapshot, trans: TranslationBundle): string {
  const { engine, usd_per_hour: rate, alarms, devices } = snapshot;
  return [
    devices.length > 0 ? trans.__('GPU %1', engine === null ? '?' : formatPercent(engine, trans)) : '',
    // Nothing is spent: nothing to say.
    rate === null ? trans.__('$?/h') : rate > 0 ? formatRate(rate, trans) : '',
    alarms.length > 0 ? trans._n('%1 alarm', '%1 alarms', alarms.length) : ''
  ]
    .filter(Boolean)
    .join(' · ');
}

function titleText(snapshot: GpuSnapshot, isStale: boolean, trans: TranslationBundle): string {
  const cost = snapshot.usd_per_hour === null ? trans.__('What is spent is not known.') : '';
  const stale = isStale ? trans.__('Not current: the server does not answer.') : '';
  const messages = snapshot.alarms.map(({ message }) => message);
  return [trans.__('Show how GPUs are used'), stale, ...messages, cost, snapshot.usd_note ?? '']
    .filter(Boolean)
    .join('\n');
}
