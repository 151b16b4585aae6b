/** The description of a version, as plain text, and changing it. */
import * as React from 'react';
import { toMessage } from '../../../api/errors';
import type { ModelVersion } from '../../../api/types';
import type { ModelPageModel } from '../model';

interface IDescriptionProps {
  readonly model: ModelPageModel;
  readonly version: ModelVersion;
}

/** The text, or a field to change it. */
export function Description({ model, version }: IDescriptionProps): React.JSX.Element {
  const { trans } = model.windlass;
  const [isEditing, setEditing] = React.useState(false);
  const button = React.useRef<HTMLButtonElement>(null);
  if (isEditing) {
    const close = (): void => {
      setEditing(false);
      // The button is there again after the next rendering.
      window.setTimeout(() => button.current?.focus());
    };
    return <Editor model={model} version={version} onClose={close} />;
  }
  return (
    <div className="jp-WindlassModelPage-description">
      {version.description && <p className="jp-WindlassModelPage-text">{version.description}</p>}
      <button ref={button} type="button" className="jp-WindlassLink" onClick={() => setEditing(true)}>
        {version.description ? trans.__('Change description') : trans.__('Add a description')}
      </button>
    </div>
  );
}

interface IEditorProps extends IDescriptionProps {
  readonly onClose: () => void;
}

function Editor({ model, version, onClose }: IEditorProps): React.JSX.Element {
  const { trans } = model.windlass;
  const [text, setText] = React.useState(version.description ?? '');
  const [problem, setProblem] = React.useState<string | null>(null);
  const [isSending, setSending] = React.useState(false);
  const field = React.useRef<HTMLTextAreaElement>(null);
  React.useEffect(() => field.current?.focus(), []);
  const save = async (): Promise<void> => {
    setSending(true);
    setProblem(null);
    try {
      await model.registry.change(version.name, version.version, { description: text.trim() });
      onClose();
    } catch (error) {
      setProblem(toMessage(error, trans));
      setSending(false);
    }
  };
  return (
    <form
      className="jp-WindlassModelPage-description"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          onClose();
        }
      }}
    >
      <textarea
        ref={field}
        className="jp-WindlassInput"
        rows={3}
        value={text}
        aria-label={trans.__('Description of version %1', version.version)}
        onChange={event => setText(event.target.value)}
      />
      {problem && (
        <p className="jp-WindlassField-error" role="alert">
          {problem}
        </p>
      )}
      <div className="jp-WindlassJobHeader-actions">
        <button type="submit" className="jp-WindlassButton jp-mod-primary" disabled={isSending}>
          {trans.__('Save')}
        </button>
        <button type="button" className="jp-WindlassButton" onClick={onClose}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
