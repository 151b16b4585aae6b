/** The description of a model or of a version, as plain text, and changing it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { EditForm, useEditing } from './editing';

interface IDescriptionProps {
  /** What it describes, for people: `version 3`. */
  readonly of: string;
  readonly text: string | null;
  readonly onSave: (text: string) => Promise<unknown>;
  readonly trans: TranslationBundle;
}

/** The text, or a field to change it. */
export function Description(props: IDescriptionProps): React.JSX.Element {
  const { of, text, trans } = props;
  const { isEditing, button, open, close } = useEditing();
  if (isEditing) {
    return <Editor {...props} onClose={close} />;
  }
  const label = text ? trans.__('Change description') : trans.__('Add a description');
  return (
    <div className="jp-WindlassModelPage-words">
      {text && <p className="jp-WindlassModelPage-text">{text}</p>}
      <button
        ref={button}
        type="button"
        className="jp-WindlassLink"
        aria-label={trans.__('%1 of %2', label, of)}
        onClick={open}
      >
        {label}
      </button>
    </div>
  );
}

function Editor(props: IDescriptionProps & { readonly onClose: () => void }): React.JSX.Element {
  const { of, onClose, onSave, trans } = props;
  const [text, setText] = React.useState(props.text ?? '');
  const field = React.useRef<HTMLTextAreaElement>(null);
  React.useEffect(() => field.current?.focus(), []);
  return (
    <EditForm onSave={async () => onSave(text.trim())} onClose={onClose} trans={trans}>
      <textarea
        ref={field}
        className="jp-WindlassInput"
        rows={3}
        value={text}
        aria-label={trans.__('Description of %1', of)}
        onChange={event => setText(event.target.value)}
      />
    </EditForm>
  );
}
