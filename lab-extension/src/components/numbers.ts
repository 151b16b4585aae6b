/** Numbers and texts in cells, tables and charts. Pure. */

const DIGITS = 6;

/** A number in at most six significant digits, as `0.00123`, `12500` or `1.5e-9`; whole numbers whole up to 15 digits. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e15)) {
    return String(value);
  }
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-4
    ? value.toExponential(DIGITS - 1).replace(/\.?0+e/, 'e')
    : String(Number(value.toPrecision(DIGITS)));
}

/** Something a run was given or measured. */
export function formatValue(value: number | string): string {
  return typeof value === 'number' ? formatNumber(value) : value;
}
