/** Figures of GPUs as people read them; what is not known is a word. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

const GIB = 1024 ** 3;

/** A part of the whole, as `63 %`. */
export function formatPercent(fraction: number | null, trans: TranslationBundle): string {
  return fraction === null ? trans.__('unknown') : trans.__('%1 %', Math.round(fraction * 100));
}

/** Memory in GiB, as NVIDIA's own tools count, without its unit. */
export function formatGib(bytes: number): string {
  const gib = bytes / GIB;
  return gib >= 99.95 ? gib.toFixed(0) : gib.toFixed(1).replace(/\.0$/, '');
}

/** Memory in use, of how much, as `8.2 of 40 GiB`. */
export function formatMemory(used: number | null, total: number | null, trans: TranslationBundle): string {
  if (used === null) {
    return total === null ? trans.__('unknown') : trans.__('unknown of %1 GiB', formatGib(total));
  }
  return total === null
    ? trans.__('%1 GiB', formatGib(used))
    : trans.__('%1 of %2 GiB', formatGib(used), formatGib(total));
}

/** Power, as `312 W`. */
export function formatWatts(watts: number, trans: TranslationBundle): string {
  return trans.__('%1 W', Math.round(watts));
}

/** Cores of a CPU at work, as `3.2 cores`. */
export function formatCores(cores: number, trans: TranslationBundle): string {
  const text = cores > 0 && cores < 0.05 ? '<0.1' : cores.toFixed(cores < 99.95 ? 1 : 0).replace(/\.0$/, '');
  return text === '1' ? trans.__('1 core') : trans.__('%1 cores', text);
}
