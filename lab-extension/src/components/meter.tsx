/** How much of something is used, as a bar beside its value in words. */
import * as React from 'react';

interface IMeterProps {
  /** 0 to 1; null: not known. */
  readonly fraction: number | null;
  readonly kind: 'engine' | 'memory';
  /** Of several: where the least and the most are. */
  readonly least?: number | null;
  readonly most?: number | null;
}

/** The bar alone: what it shows stands in words beside it. Where nothing is known it is hatched, not empty. */
export function Meter({ fraction, kind, least = null, most = null }: IMeterProps): React.JSX.Element {
  const isRange = least !== null && most !== null && most > least;
  return (
    <span
      className={`jp-WindlassMeter jp-mod-${kind}${fraction === null ? ' jp-mod-unknown' : ''}`}
      aria-hidden
    >
      {fraction !== null && <span className="jp-WindlassMeter-bar" style={{ width: percent(fraction) }} />}
      {isRange && (
        <span
          className="jp-WindlassMeter-range"
          style={{ insetInlineStart: percent(least), width: percent(most - least) }}
        />
      )}
    </span>
  );
}

function percent(fraction: number): string {
  return `${(Math.max(0, Math.min(1, fraction)) * 100).toFixed(1)}%`;
}
