/** What a list shows when it has nothing to list: loading, empty, error, forbidden or absent, with the next step. */
import { errorIcon, infoIcon, lockIcon } from '@jupyterlab/ui-components';
import React from 'react';
import '../../style/components.css';

const ICONS = { empty: null, loading: null, error: errorIcon, forbidden: lockIcon, absent: infoIcon };

/** A sentence, perhaps with a command to type and buttons to press. */
export function StateView(props: StateView.IProps): React.JSX.Element {
  const { kind, text, detail, code, actions = [] } = props;
  const Icon = ICONS[kind];
  return (
    <div className={`jp-WindlassState jp-mod-${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      {Icon && <Icon.react className="jp-WindlassState-icon" tag="span" aria-hidden width="16px" />}
      <p className="jp-WindlassState-text">{text}</p>
      {code && <code className="jp-WindlassState-code">{code}</code>}
      {detail && <p className="jp-WindlassState-detail">{detail}</p>}
      {actions.length > 0 && (
        <div className="jp-WindlassState-actions">
          {actions.map(({ label, act, isPrimary }) => (
            <button
              key={label}
              className={`jp-WindlassButton${isPrimary ? ' jp-mod-primary' : ''}`}
              type="button"
              onClick={act}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** A namespace for `StateView` statics. */
export namespace StateView {
  /** The properties of `StateView`. */
  export interface IProps {
    kind: keyof typeof ICONS;
    text: string;
    /** A second sentence, muted. */
    detail?: string | null;
    /** Something to type, word for word. */
    code?: string | null;
    actions?: readonly IAction[];
  }

  /** A button. */
  export interface IAction {
    label: string;
    act: () => void;
    isPrimary?: boolean;
  }
}
