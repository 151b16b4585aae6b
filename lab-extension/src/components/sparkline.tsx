/** A line of the last minutes, as small as a word. Its values stand in words beside it. */
import * as React from 'react';

interface ISparklineProps {
  /** Moments that never fall, and values from 0 to 1; null is a gap. */
  readonly points: readonly (readonly [at: number, value: number | null])[];
  readonly from: number;
  readonly to: number;
  readonly width?: number;
  readonly height?: number;
}

/** The drawing; nothing to who cannot see it. */
export function Sparkline(props: ISparklineProps): React.JSX.Element {
  const { points, from, to, width = 60, height = 14 } = props;
  const d = React.useMemo(
    () => pathOf(points, { from, to, width, height }),
    [points, from, to, width, height]
  );
  return (
    <svg
      className="jp-WindlassSparkline"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden
      focusable="false"
    >
      <line className="jp-WindlassSparkline-ground" x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
      <path d={d} />
    </svg>
  );
}

/** A longer time between two points than this many seconds is a gap. */
const GAP_SECONDS = 45;

/**
 * The path of a sparkline: lines between neighbours, dots for what stands alone, nothing in gaps.
 *
 * @param frame - The time from left to right in seconds, and the size in CSS pixels.
 */
export function pathOf(
  points: ISparklineProps['points'],
  frame: { from: number; to: number; width: number; height: number }
): string {
  const { from, to, width, height } = frame;
  const x = (at: number): string => (((at - from) / (to - from)) * width).toFixed(1);
  // A line of 1.5 pixels stays whole at both edges.
  const y = (value: number): string =>
    (height - 1 - Math.max(0, Math.min(1, value)) * (height - 2)).toFixed(1);
  let path = '';
  let before: number | null = null;
  for (const [at, value] of points) {
    if (value === null || at < from) {
      before = null;
      continue;
    }
    const isJoined: boolean = before !== null && at - before <= GAP_SECONDS;
    path += isJoined ? `L${x(at)} ${y(value)}` : `M${x(at)} ${y(value)}h.01`;
    before = at;
  }
  return path;
}
