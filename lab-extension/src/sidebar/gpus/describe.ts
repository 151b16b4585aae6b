/** What the rows of GPUs say in words. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { GpuDevice, JobGpuGroup, PodUse, ServerCost, Spread } from '../../api/types';
import { formatDuration } from '../../components/duration';
import {
  formatCores,
  formatGib,
  formatMemory,
  formatPercent,
  formatWatts
} from '../../components/gpuFigures';
import { formatRate, formatUsd } from '../../components/money';
import type { GpuPlace, IDeviceRow, IHeadRow } from '../../model/gpuRows';

/** What a device is called. */
export function deviceTitle({ device, isInJob }: IDeviceRow, trans: TranslationBundle): string {
  const own = ownTitle(device, trans);
  return isInJob && device.rank !== null ? trans.__('Rank %1 · %2', device.rank, own) : own;
}

function ownTitle({ kind, index, mig_profile: profile }: GpuDevice, trans: TranslationBundle): string {
  switch (kind) {
    case 'slice':
      return profile === null ? trans.__('MIG slice') : trans.__('MIG %1', profile);
    case 'share':
      return trans.__('Shared GPU');
    default:
      return index === null ? trans.__('GPU') : trans.__('GPU %1', index);
  }
}

/** The product without its maker, and without the profile of a slice, which its title tells. */
export function productOf({ name }: GpuDevice): string {
  return name.replace(/^NVIDIA /, '').replace(/ MIG \S+$/, '');
}

/** Who uses it. */
export function usersText(row: IDeviceRow, trans: TranslationBundle): string {
  const { device, isCut, isInJob, jobName } = row;
  const names = [...new Set(device.owners.map(({ label }) => label))];
  if (names.length > 0) {
    return isInJob && names.length === 1 ? (device.pod ?? '') : names.join(', ');
  }
  if (isInJob || isCut) {
    return device.pod ?? '';
  }
  if (jobName !== null) {
    return trans.__('%1, no process yet', jobName);
  }
  return device.owners_known ? trans.__('nobody') : trans.__('unknown who uses it');
}

/** That it is held and not used, since when and what that costs; empty when it is used, or that is not known. */
export function idleText(
  { idle_since: since, usd_per_hour: usd }: GpuDevice,
  now: number,
  trans: TranslationBundle
): string {
  if (since === null) {
    return '';
  }
  const span = formatDuration((now - Date.parse(since)) / 1000);
  return usd === null
    ? trans.__('Idle for %1; its price is unknown', span)
    : trans.__('Idle for %1, costs %2', span, formatRate(usd, trans));
}

/** All of a device in a sentence, for who cannot see its bars. */
export function deviceSentence(row: IDeviceRow, now: number, trans: TranslationBundle): string {
  const { device } = row;
  const { now: reading, memory_total_bytes: total } = device;
  const watts = reading?.power_watts ?? null;
  const users = usersText(row, trans);
  return [
    `${deviceTitle(row, trans)}, ${productOf(device)}`,
    trans.__('use %1', formatPercent(reading?.engine ?? null, trans)),
    trans.__('memory %1', formatMemory(reading?.memory_bytes ?? null, total, trans)),
    watts === null ? '' : formatWatts(watts, trans),
    users && trans.__('used by %1', users),
    row.podUse && trans.__('its pod: %1', podText(row.podUse, trans)),
    row.isStraggler ? trans.__('stands out from the other ranks') : '',
    idleText(device, now, trans),
    device.problem ?? ''
  ]
    .filter(Boolean)
    .join(', ');
}

/** What a place is called. */
export function placeTitle(place: GpuPlace, trans: TranslationBundle): string {
  const titles: Record<GpuPlace, string> = {
    machine: trans.__('This machine'),
    servers: trans.__('Notebook servers'),
    others: trans.__('Elsewhere in the cluster')
  };
  return titles[place];
}

/** Least, mean and most, as `4 · 71 · 98 %`; of how many, where some are not known. */
export function spreadText(
  { least, mean, most, known }: Spread,
  devices: number,
  trans: TranslationBundle
): string {
  if (least === null || mean === null || most === null) {
    return trans.__('unknown');
  }
  const percent = (fraction: number): number => Math.round(fraction * 100);
  const isOne = percent(least) === percent(most);
  const all = trans.__('%1–%2 %, mean %3 %', percent(least), percent(most), percent(mean));
  const text = isOne ? trans.__('%1 %', percent(mean)) : all;
  return known < devices ? trans.__('%1 (of %2 of %3)', text, known, devices) : text;
}

/** What a job costs, an hour and so far; empty where neither is known. */
export function moneyText({ usd_per_hour: rate, usd }: JobGpuGroup, trans: TranslationBundle): string {
  const hourly = rate === null ? '' : formatRate(rate, trans);
  const total = usd === null ? '' : trans.__('%1 so far', formatUsd(usd));
  return [hourly, total].filter(Boolean).join(' · ');
}

/** All of a head in a sentence. */
export function headSentence(row: IHeadRow, trans: TranslationBundle): string {
  const { place, group } = row;
  if (group === null) {
    return `${placeTitle(place ?? 'others', trans)}, ${countText(row, trans)}`;
  }
  const { straggler_rank: rank } = group;
  return [
    trans.__('Job %1', group.name),
    countText(row, trans),
    trans.__('use %1', spreadText(group.engine, group.devices, trans)),
    trans.__('memory %1', spreadText(group.memory_fraction, group.devices, trans)),
    rank === null ? '' : stragglerText(rank, trans),
    moneyText(group, trans)
  ]
    .filter(Boolean)
    .join(', ');
}

/** How many devices: a card and its slices are one GPU. */
export function countText({ group, size, slices }: IHeadRow, trans: TranslationBundle): string {
  const gpus = group?.devices ?? size - slices;
  const cards = trans._n('%1 GPU', '%1 GPUs', gpus);
  return group === null && slices > 0
    ? trans.__('%1, %2', cards, trans._n('%1 slice', '%1 slices', slices))
    : cards;
}

/** Which rank stands out: it does least where the others poll for it, and most where they sleep. */
export function stragglerText(rank: number, trans: TranslationBundle): string {
  return trans.__('rank %1 stands out: the others may wait for it', rank);
}

/** What a pod uses beside GPUs, as `3.2 cores · 12.4 GiB`. */
export function podText({ cpu_cores: cores, memory_bytes: bytes }: PodUse, trans: TranslationBundle): string {
  return [
    cores === null ? trans.__('CPU unknown') : formatCores(cores, trans),
    bytes === null ? trans.__('memory unknown') : trans.__('%1 GiB', formatGib(bytes))
  ].join(' · ');
}

/** What a pod is called that shows no GPU. */
export function podTitle({ pod, rank }: PodUse, trans: TranslationBundle): string {
  return rank === null ? pod : trans.__('Rank %1 · %2', rank, pod);
}

/** What the notebook server itself costs, what of it is wasted, and when it ends; sentence by sentence. */
export function serverTexts(server: ServerCost, trans: TranslationBundle): string[] {
  const { profile, usd_per_hour: rate, usd, idle_fraction: idle, stops_at: stops, notes } = server;
  const name = profile === null ? trans.__('This server') : trans.__('This server (%1)', profile);
  const cost = rate === null ? trans.__('cost unknown') : formatRate(rate, trans);
  return [
    trans.__('%1: %2', name, cost),
    usd === null ? '' : trans.__('%1 since it was started', formatUsd(usd)),
    idle === null ? '' : trans.__('%1 of its GPU time was not used', formatPercent(idle, trans)),
    stops === null ? '' : trans.__('It stops at %1 if nothing is done', new Date(stops).toLocaleTimeString()),
    ...notes
  ].filter(Boolean);
}
