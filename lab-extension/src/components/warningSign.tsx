/** A triangle with an exclamation mark: JupyterLab has no such icon. What it warns of stands in words beside it. */
import * as React from 'react';

/** The sign, in the colour of warnings. */
export function WarningSign(): React.JSX.Element {
  return (
    <svg
      className="jp-WindlassWarningSign"
      width="14"
      height="14"
      viewBox="0 0 16 16"
      aria-hidden
      focusable="false"
    >
      <path
        d="M8 1.2 15.6 15H.4Z"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinejoin="round"
      />
      <path d="M8 6v4.2M8 11.6v1.6" stroke="currentColor" strokeWidth="1.6" />
    </svg>
  );
}
