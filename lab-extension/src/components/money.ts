/** Money as people read it; what is not known is a word, never a zero. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

/** Below this an amount of USD is not told more exactly. */
const LEAST = 1e-6;

/** An amount of USD in the digits that tell: `$0.0042`, `$1.27`, `$1,284`; `<$0.000001` for next to nothing. */
export function formatUsd(usd: number): string {
  const sign = usd < 0 ? '−' : '';
  const size = Math.abs(usd);
  if (size > 0 && size < LEAST) {
    return `${sign}<$${LEAST.toFixed(6)}`;
  }
  const cents = Math.round(size * 100) / 100;
  const small = Number(size.toPrecision(2));
  const options: Intl.NumberFormatOptions =
    size > 0 && small < 0.1
      ? { minimumFractionDigits: 2, maximumFractionDigits: 8 }
      : { minimumFractionDigits: cents >= 1000 ? 0 : 2, maximumFractionDigits: cents >= 1000 ? 0 : 2 };
  return `${sign}$${(size > 0 && small < 0.1 ? small : size).toLocaleString('en-US', options)}`;
}

/** An amount of USD, or that it is not known. */
export function formatUsdOrUnknown(usd: number | null, trans: TranslationBundle): string {
  return usd === null ? trans.__('unknown') : formatUsd(usd);
}

/** USD an hour, as `$2.10/h`, or that it is not known. */
export function formatRate(usdPerHour: number | null, trans: TranslationBundle): string {
  return usdPerHour === null ? trans.__('unknown') : trans.__('%1/h', formatUsd(usdPerHour));
}

/** Hours of whole cards, as `0.25`, `12.4` or `1,284`, or that they are not known. */
export function formatGpuHours(hours: number | null, trans: TranslationBundle): string {
  if (hours === null) {
    return trans.__('unknown');
  }
  const digits = hours >= 1000 ? 0 : hours >= 10 ? 1 : 2;
  return hours > 0 && hours < 0.005
    ? '<0.01'
    : hours.toLocaleString('en-US', { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

/** A part of the whole, as `63 %`, or that it is not known. */
export function formatPart(fraction: number | null, trans: TranslationBundle): string {
  if (fraction === null) {
    return trans.__('unknown');
  }
  return fraction > 0 && fraction < 0.005
    ? trans.__('<1 %')
    : trans.__('%1 %', Math.round(fraction * 100).toLocaleString('en-US'));
}
