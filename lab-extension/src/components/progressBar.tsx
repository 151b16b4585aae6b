/** A thin bar that fills from left to right. */
import React from 'react';
import '../../style/components.css';

/** How much is done, 0 to 1. */
export function ProgressBar({ fraction, label }: { fraction: number; label: string }): React.JSX.Element {
  const percent = Math.round(Math.max(0, Math.min(1, fraction)) * 100);
  return (
    <div
      className="jp-WindlassProgress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div className="jp-WindlassProgress-done" style={{ width: `${percent}%` }} />
    </div>
  );
}
