/** A short piece of a line, as the legend shows it. */
import * as React from 'react';
import type { ILineStyle } from './styles';
import { classOf } from './styles';

/** Colour and dashes; with `isPlain` the dashes alone. */
export function Swatch({
  style,
  isPlain = false
}: {
  style: ILineStyle;
  isPlain?: boolean;
}): React.JSX.Element {
  return (
    <svg
      className={`jp-WindlassSwatch ${isPlain ? '' : classOf(style)}`}
      width="26"
      height="10"
      aria-hidden
      focusable="false"
    >
      <line
        x1="0"
        x2="26"
        y1="5"
        y2="5"
        stroke="currentColor"
        strokeWidth="2"
        strokeDasharray={style.dash.join(' ')}
      />
    </svg>
  );
}
