/** What was measured of a job, as rows of a list of facts; what was not is said. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { UsageSummary } from '../../../api/types';
import { formatDuration } from '../../../components/duration';
import { formatPart } from '../../../components/money';
import { formatBinary } from '../../../components/quantities';

/** A name and what it is; null is not shown. */
export type Fact = readonly [name: string, value: string | null];

/** The evidence of advice. */
export function evidenceFacts(usage: UsageSummary | null, trans: TranslationBundle): Fact[] {
  if (!usage) {
    return [];
  }
  const measured = trans.__(
    '%1, %2 of its running time',
    formatDuration(usage.seconds),
    formatPart(usage.covered, trans)
  );
  const hasGpus = usage.devices > 0;
  return [
    [trans.__('Measured'), measured],
    [trans.__('GPU use'), hasGpus ? engineText(usage, trans) : null],
    [trans.__('GPU memory'), hasGpus ? gpuMemoryText(usage, trans) : null],
    [trans.__('Processors'), coresText(usage, trans)],
    [trans.__('Memory'), memoryText(usage, trans)]
  ];
}

function engineText(
  { engine_mean: mean, engine_peak: peak }: UsageSummary,
  trans: TranslationBundle
): string {
  return mean === null
    ? trans.__('unknown')
    : trans.__('%1 in the mean, %2 at most', formatPart(mean, trans), formatPart(peak, trans));
}

function gpuMemoryText(usage: UsageSummary, trans: TranslationBundle): string {
  const { memory_peak_bytes: peak, memory_total_bytes: total } = usage;
  if (peak === null) {
    return trans.__('unknown');
  }
  return total === null
    ? trans.__('%1 at most', formatBinary(peak))
    : trans.__('%1 of %2 at most', formatBinary(peak), formatBinary(total));
}

function coresText(
  { cpu_cores_mean: mean, cpu_cores_peak: peak }: UsageSummary,
  trans: TranslationBundle
): string {
  return mean === null || peak === null
    ? trans.__('unknown')
    : trans.__('%1 cores in the mean, %2 at most', rounded(mean), rounded(peak));
}

function rounded(cores: number): number {
  return Number(cores.toPrecision(2));
}

function memoryText({ host_memory_peak_bytes: peak }: UsageSummary, trans: TranslationBundle): string {
  return peak === null ? trans.__('unknown') : trans.__('%1 at most', formatBinary(peak));
}
