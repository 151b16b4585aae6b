/** Numbers and texts as tables and charts show them. Pure. */

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

/** What a value is as a number; null for words, and for what is not finite. */
export function numberOf(value: number | string | null | undefined): number | null {
  if (typeof value === 'string' && value.trim() === '') {
    return null;
  }
  const number = value === null || value === undefined ? NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

/** A text that ends with `…` after so many letters; no letter, and no emoji, is cut in two. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const letters = new Intl.Segmenter().segment(text)[Symbol.iterator]();
  let kept = '';
  for (let count = 0; count < most; count++) {
    const letter = letters.next();
    if (letter.done) {
      return text;
    }
    kept += letter.value.segment;
  }
  return letters.next().done ? text : `${kept}…`;
}
