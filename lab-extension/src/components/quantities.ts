/** Sizes, seconds and moments as people read them. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { formatDuration } from './duration';

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** A size in bytes, as `1.4 MB` (1 KB = 1000 B, as JupyterLab counts). */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ''}`;
}

/** A size in bytes in steps of 1024, as memory is sold: `8.2 GiB`. */
export function formatBinary(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** A short span in seconds with a fraction, as `0.31 s` or `12.4 s`; a longer one as `1:02`. */
export function formatSeconds(seconds: number, trans: TranslationBundle): string {
  return seconds < 59.95
    ? trans.__('%1 s', seconds.toFixed(seconds < 9.995 ? 2 : 1))
    : formatDuration(seconds);
}

/** A moment in the reader's own time zone and manner; what is no moment as it is. */
export function formatMoment(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : date.toLocaleString();
}
