/** Which GPUs: between what the cluster offers, what stands in a list's `value`, and what is sent. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { GpuChoice, OfferedGpu } from '../../api/types';

/** A choice as one text; any GPU is the empty one. */
export function toText({ product, share, mig_profile: profile, resource }: GpuChoice): string {
  const isAny = !product && !profile && !resource && (share ?? 'whole') === 'whole';
  return isAny ? '' : JSON.stringify([product ?? null, share ?? 'whole', profile ?? null, resource ?? null]);
}

/** The choice in a text; what is none is any GPU. */
export function fromText(text: string): GpuChoice {
  let parts: unknown;
  try {
    parts = JSON.parse(text || '[]');
  } catch {
    parts = [];
  }
  const [product, share, profile, resource] = (Array.isArray(parts) ? parts : []) as unknown[];
  return {
    product: textOrNull(product),
    share: share === 'mig' || share === 'time-sliced' ? share : 'whole',
    mig_profile: textOrNull(profile),
    resource: textOrNull(resource)
  };
}

/** The offer that is meant by a choice, which may leave out what the cluster calls it. */
export function offerOf(text: string, offers: readonly OfferedGpu[]): OfferedGpu | undefined {
  const choice = fromText(text);
  return offers.find(
    offer =>
      (choice.product ?? offer.product) === offer.product &&
      choice.share === offer.share &&
      choice.mig_profile === offer.mig_profile &&
      (choice.resource ?? offer.resource) === offer.resource
  );
}

/** A choice in words: `NVIDIA A100 SXM4 40GB, MIG 1g.5gb`. */
export function describeGpu(gpu: GpuChoice, trans: TranslationBundle): string {
  const product = gpu.product ? gpu.product.replaceAll('-', ' ') : trans.__('any product');
  switch (gpu.share) {
    case 'mig':
      return trans.__('%1, MIG %2', product, gpu.mig_profile ?? '');
    case 'time-sliced':
      return trans.__('%1, time-sliced', product.replace(/ SHARED$/, ''));
    default:
      return product;
  }
}

/** How many there are, as far as that is known; empty when it is not. */
export function describeFree({ total, free }: OfferedGpu, trans: TranslationBundle): string {
  if (total === null) {
    return free === null ? '' : trans.__('%1 free', free);
  }
  return free === null ? trans.__('%1 in all', total) : trans.__('%1 of %2 free', free, total);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
