/**
 * A JupyterLab dialog that stays open until the job was taken.
 *
 * It gives focus, Esc and the trap; here Enter in a field submits, keys that belong to the body's own buttons and tabs
 * are left to them, and the button to submit says why it is disabled.
 */
import { Dialog } from '@jupyterlab/apputils';
import type { Job } from '../api/types';
import { OBSTACLE_ID, SubmitBody } from './body';
import type { SubmitModel } from './model';

const SUBMIT_BUTTON = 1;

/** The dialog; `job` is what was sent, null while nothing was. */
export class SubmitDialog extends Dialog<unknown> {
  constructor(options: SubmitDialog.IOptions) {
    const { model } = options;
    const { trans } = model;
    super({
      title: trans.__('Train %1', model.path.split('/').pop() ?? model.path),
      body: new SubmitBody(options),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Submit') })],
      defaultButton: SUBMIT_BUTTON,
      focusNodeSelector: '#jp-windlass-submit-name'
    });
    this.addClass('jp-WindlassSubmitDialog');
    this._model = model;
    model.changed.connect(this._onModel, this);
    this._onModel();
  }

  /** The job that was sent. */
  get job(): Job | null {
    return this._job;
  }

  /** Close, or send the job and close when it was taken. */
  override resolve(index = SUBMIT_BUTTON): void {
    if (index === SUBMIT_BUTTON) {
      void this._submit();
    } else {
      super.resolve(index);
    }
  }

  override handleEvent(event: Event): void {
    if (event.type === 'input') {
      // JupyterLab would disable the button by what it takes for errors, and not always enable it again.
      return;
    }
    if (!(event instanceof KeyboardEvent) || event.type !== 'keydown') {
      super.handleEvent(event);
      return;
    }
    const submits =
      event.key === 'Enter' && !event.isComposing && (isLine(event.target) || event.ctrlKey || event.metaKey);
    if (submits) {
      event.preventDefault();
      event.stopPropagation();
      void this._submit();
    } else if (event.key === 'Escape' || event.key === 'Tab' || !this._isInBody(event.target)) {
      super.handleEvent(event);
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._model.changed.disconnect(this._onModel, this);
      super.dispose();
    }
  }

  private async _submit(): Promise<void> {
    const job = await this._model.submit();
    if (job) {
      this._job = job;
      super.resolve(0);
      return;
    }
    if (!this.isDisposed) {
      this.node.querySelector<HTMLElement>('.jp-WindlassSubmit [aria-invalid=true]')?.focus();
    }
  }

  private _onModel(): void {
    const button = this.node.querySelector<HTMLButtonElement>('.jp-Dialog-footer .jp-mod-accept');
    if (!button) {
      return;
    }
    const { obstacle } = this._model;
    // A disabled button would drop the focus and could not be asked why.
    button.setAttribute('aria-disabled', String(obstacle !== null));
    button.setAttribute('aria-describedby', OBSTACLE_ID);
    button.title = obstacle ?? '';
    button.classList.toggle('jp-mod-blocked', obstacle !== null);
  }

  private _isInBody(target: EventTarget | null): boolean {
    return target instanceof Node && this.node.querySelector('.jp-WindlassSubmit')?.contains(target) === true;
  }

  private _job: Job | null = null;
  private readonly _model: SubmitModel;
}

/** A namespace for SubmitDialog. */
export namespace SubmitDialog {
  /** Options of a SubmitDialog. */
  export type IOptions = SubmitBody.IOptions;
}

/** Whether Enter in this element means "that is all". */
function isLine(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type !== 'checkbox';
}
