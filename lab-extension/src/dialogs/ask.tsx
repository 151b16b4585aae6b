/**
 * A JupyterLab dialog that stays open until what was asked for was done, or is given up.
 *
 * It gives focus, Esc and the trap; here Enter in a line sends, keys that belong to the body's own controls are left to
 * them, and the button to send says why it cannot.
 */
import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import * as React from 'react';
import '../../style/components.css';
import '../../style/controls.css';
import '../../style/dialogs.css';
import { toMessage, WindlassError } from '../api/errors';
import type { TranslationBundle } from '@jupyterlab/translation';

const SEND_BUTTON = 1;

/** What is typed in such a dialog, and what became of it. */
export abstract class AskForm<T> {
  constructor(readonly trans: TranslationBundle) {}

  /** Anything has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Why it cannot be sent, as a sentence; null when it can. */
  abstract get obstacle(): string | null;

  /** Why it was refused. */
  problem: string | null = null;

  /** What was wrong at which field. */
  refused: Readonly<Record<string, string>> = {};

  isSending = false;

  /** Send; null when that was refused, and then it is said why. Two calls at once send once. */
  async send(): Promise<T | null> {
    if (this.isSending || this.obstacle !== null) {
      return null;
    }
    this.isSending = true;
    this.problem = null;
    this.refused = {};
    this.emit();
    try {
      return await this.ask();
    } catch (error) {
      const fields = error instanceof WindlassError ? (error.problem?.fields ?? []) : [];
      this.refused = Object.fromEntries(fields.map(({ field, message }) => [field, message]));
      const detail = toMessage(error, this.trans);
      // What is said at a field is not said twice.
      this.problem = this.shown.some(field => this.refused[field] === detail) ? null : detail;
      await this.onRefused?.(error);
      return null;
    } finally {
      this.isSending = false;
      this.emit();
    }
  }

  /** The fields of the request that have a control. */
  protected abstract readonly shown: readonly string[];

  /** Send what was typed. */
  protected abstract ask(): Promise<T>;

  /** Look again at what may have changed meanwhile. */
  protected onRefused?(error: unknown): Promise<void> | void;

  protected emit(): void {
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
}

/** Ask, and answer what came of it; null when it was given up. */
export async function openAskDialog<T>(options: AskDialog.IOptions<T>): Promise<T | null> {
  const dialog = new AskDialog(options);
  await dialog.launch();
  return dialog.answer;
}

/** The dialog; `answer` is what came of it, null while nothing did. */
export class AskDialog<T> extends Dialog<unknown> {
  constructor(options: AskDialog.IOptions<T>) {
    const { form } = options;
    super({
      title: options.title,
      body: new AskBody(form, options.body),
      buttons: [
        Dialog.cancelButton({ label: form.trans.__('Cancel') }),
        Dialog.okButton({ label: options.accept })
      ],
      defaultButton: SEND_BUTTON,
      focusNodeSelector: options.focus
    });
    this.addClass('jp-WindlassSubmitDialog');
    this.addClass('jp-WindlassAskDialog');
    this._form = form;
    form.changed.connect(this._onForm, this);
    this._onForm();
  }

  /** What came of it. */
  get answer(): T | null {
    return this._answer;
  }

  /** Close, or send and close when it was taken. */
  override resolve(index = SEND_BUTTON): void {
    if (index === SEND_BUTTON) {
      void this._send();
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
    const sends =
      event.key === 'Enter' && !event.isComposing && (isLine(event.target) || event.ctrlKey || event.metaKey);
    if (sends) {
      event.preventDefault();
      event.stopPropagation();
      void this._send();
    } else if (event.key === 'Escape' || event.key === 'Tab' || !this._isInBody(event.target)) {
      super.handleEvent(event);
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._form.changed.disconnect(this._onForm, this);
      Signal.clearData(this._form);
      super.dispose();
    }
  }

  private async _send(): Promise<void> {
    const answer = await this._form.send();
    if (answer !== null) {
      this._answer = answer;
      super.resolve(0);
    }
  }

  private _onForm(): void {
    const button = this.node.querySelector<HTMLButtonElement>('.jp-Dialog-footer .jp-mod-accept');
    if (button) {
      const { obstacle, isSending } = this._form;
      const isBlocked = obstacle !== null || isSending;
      // A disabled button would drop the focus and could not be asked why.
      button.setAttribute('aria-disabled', String(isBlocked));
      button.setAttribute('aria-describedby', OBSTACLE_ID);
      button.title = obstacle ?? '';
      button.classList.toggle('jp-mod-blocked', isBlocked);
    }
  }

  private _isInBody(target: EventTarget | null): boolean {
    return target instanceof Node && this.node.querySelector('.jp-WindlassSubmit')?.contains(target) === true;
  }

  private _answer: T | null = null;
  private readonly _form: AskForm<T>;
}

/** A namespace for `AskDialog` statics. */
export namespace AskDialog {
  /** The options of an `AskDialog`. */
  export interface IOptions<T> {
    title: string;
    /** The word on the button that sends. */
    accept: string;
    form: AskForm<T>;
    /** Renders the fields; again whenever the form changes. */
    body: () => React.JSX.Element;
    /** Which control has the focus first. */
    focus: string;
  }
}

const OBSTACLE_ID = 'jp-windlass-ask-obstacle';

class AskBody extends ReactWidget {
  constructor(
    private readonly _form: AskForm<unknown>,
    private readonly _fields: () => React.JSX.Element
  ) {
    super();
    this.addClass('jp-WindlassSubmit');
  }

  protected override render(): React.JSX.Element {
    return <Body form={this._form} fields={this._fields} />;
  }
}

interface IBodyProps {
  readonly form: AskForm<unknown>;
  readonly fields: () => React.JSX.Element;
}

function Body({ form, fields }: IBodyProps): React.JSX.Element {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    form.changed.connect(redraw);
    return () => void form.changed.disconnect(redraw);
  }, [form]);
  const body = React.useRef<HTMLDivElement>(null);
  const { refused } = form;
  React.useEffect(() => {
    if (Object.keys(refused).length > 0) {
      body.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
    }
  }, [refused]);
  return (
    <>
      {form.problem && (
        <div className="jp-WindlassBanner jp-mod-error" role="alert">
          {form.problem}
        </div>
      )}
      <div ref={body} className="jp-WindlassAsk-fields">
        {fields()}
      </div>
      <p id={OBSTACLE_ID} className="jp-WindlassSubmit-obstacle" role="status">
        {form.isSending ? form.trans.__('One moment…') : (form.obstacle ?? '')}
      </p>
    </>
  );
}

/** Whether Enter in this element means "that is all". */
function isLine(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type !== 'checkbox' && target.type !== 'radio';
}
