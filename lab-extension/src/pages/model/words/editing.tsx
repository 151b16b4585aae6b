/** What changing words in their place needs, whichever words: a form that saves or says why not, and the focus put back. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../../api/errors';

interface IEditing {
  readonly isEditing: boolean;
  /** To be put on the button that opens the form. */
  readonly button: React.RefObject<HTMLButtonElement>;
  readonly open: () => void;
  readonly close: () => void;
}

/** Whether words are being changed. */
export function useEditing(): IEditing {
  const [isEditing, setEditing] = React.useState(false);
  const button = React.useRef<HTMLButtonElement>(null);
  const wasEditing = React.useRef(false);
  React.useEffect(() => {
    if (wasEditing.current && !isEditing) {
      button.current?.focus();
    }
    wasEditing.current = isEditing;
  }, [isEditing]);
  return { isEditing, button, open: () => setEditing(true), close: () => setEditing(false) };
}

interface IEditFormProps {
  /** Why what was typed cannot be saved; null: it can. */
  readonly mistake?: string | null;
  readonly onSave: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly trans: TranslationBundle;
  readonly children: React.ReactNode;
}

/** Fields with Save and Cancel. It is closed when what was typed is saved. */
export function EditForm(props: IEditFormProps): React.JSX.Element {
  const { mistake = null, onSave, onClose, trans, children } = props;
  const [problem, setProblem] = React.useState<string | null>(null);
  const [isSending, setSending] = React.useState(false);
  const save = async (): Promise<void> => {
    setSending(true);
    setProblem(null);
    try {
      await onSave();
      onClose();
    } catch (error) {
      setProblem(toMessage(error, trans));
      setSending(false);
    }
  };
  return (
    <form
      className="jp-WindlassModelPage-words"
      onSubmit={event => {
        event.preventDefault();
        if (mistake === null && !isSending) {
          void save();
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      {children}
      {(mistake ?? problem) && (
        <p className="jp-WindlassField-error" role="alert">
          {mistake ?? problem}
        </p>
      )}
      <div className="jp-WindlassJobHeader-actions">
        <button
          type="submit"
          className="jp-WindlassButton jp-mod-primary"
          disabled={isSending || mistake !== null}
        >
          {trans.__('Save')}
        </button>
        <button type="button" className="jp-WindlassButton" onClick={onClose}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
