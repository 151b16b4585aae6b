/** What stands at the axis. Pure. */
import { formatDuration } from '../../../components/duration';
import { formatNumber } from '../../../components/numbers';
import type { XAxis } from '../view';

/** A place on the axis in words. */
export function formatX(axis: XAxis, x: number): string {
  switch (axis) {
    case 'step':
      return formatNumber(x);
    case 'relative':
      return formatSpan(x);
    default:
      return new Date(x * 1000).toLocaleString();
  }
}

/** Seconds, with a fraction where it tells. */
export function formatSpan(seconds: number): string {
  return Math.abs(seconds) < 60 ? `${Number(seconds.toPrecision(3))} s` : formatDuration(seconds);
}
