/** An estimate in words. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CostEstimate, EarlierRuns } from '../../api/types';
import { formatDuration } from '../../components/duration';
import { formatPart, formatUsd } from '../../components/money';

/** Why the price is not known: what the server noted, or that it did not say. */
export function unknownText({ notes }: CostEstimate, trans: TranslationBundle): string {
  return notes[0] ?? trans.__('The prices in force have none for what this job would hold.');
}

/** What it comes to at the most; null where nothing can be said. */
export function limitText(estimate: CostEstimate, trans: TranslationBundle): string | null {
  const { limit_seconds: limit, most_usd: most } = estimate;
  if (limit === null) {
    return estimate.usd_per_hour === null ? null : trans.__('no time limit, so no upper bound');
  }
  return most === null
    ? null
    : trans.__('at most %1 in its time limit of %2', formatUsd(most), formatDuration(limit));
}

/** What earlier jobs of the notebook let expect; null where there were none. */
export function earlierText(earlier: EarlierRuns | null, trans: TranslationBundle): string | null {
  if (!earlier) {
    return null;
  }
  const { jobs, median_seconds: median, longest_seconds: longest, usd } = earlier;
  const took =
    jobs === 1
      ? trans.__('the earlier run took %1', formatDuration(median))
      : trans.__(
          '%1 earlier runs took %2 in the median, %3 at most',
          jobs,
          formatDuration(median),
          formatDuration(longest)
        );
  return usd === null ? took : trans.__('about %1: %2', formatUsd(usd), took);
}

/** What spot capacity would cost instead; null where that is not known, or no less. */
export function spotText(estimate: CostEstimate, trans: TranslationBundle): string | null {
  const { usd_per_hour: usual, spot_usd_per_hour: spot } = estimate;
  if (spot === null || (usual !== null && spot >= usual)) {
    return null;
  }
  return usual === null || usual === 0
    ? trans.__('%1/h on spot capacity', formatUsd(spot))
    : trans.__('%1/h on spot capacity (%2 less)', formatUsd(spot), formatPart(1 - spot / usual, trans));
}
