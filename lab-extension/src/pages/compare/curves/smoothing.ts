/** Smooth curves. Pure. */

/**
 * The exponential moving average without its bias towards nought at the beginning:
 * `m ← w·m + (1 − w)·y`, drawn as `m / (1 − wⁿ)` at the n-th value.
 *
 * The formula is TensorBoard's (`resmoothDataset` of its `vz_line_chart2`), whose correction of the bias is that of Adam
 * (Kingma and Ba 2015, section 3). Gaps stay gaps and weigh nothing.
 *
 * @param weight - Of the past; from 0, nothing, to below 1.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  let mean = 0;
  let past = 1;
  return values.map(value => {
    if (value === null) {
      return null;
    }
    mean = weight * mean + (1 - weight) * value;
    past *= weight;
    return mean / (1 - past);
  });
}
