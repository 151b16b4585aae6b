/** Values of runs that are compared: as numbers, and as names in little room. Pure. */

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
