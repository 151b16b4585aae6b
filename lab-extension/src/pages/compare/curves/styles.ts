/**
 * What tells lines apart: a colour and a pattern of dashes, so that it is never the colour alone. Pure.
 *
 * Colours are classes whose values are in style/compare.css; dashes are in CSS pixels.
 */

/** So many runs look different where dashes stand for metrics. */
export const COLOURS = 7;

/** Solid, dashed, dotted, dash and dot. */
export const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/** How a line looks. */
export interface ILineStyle {
  /** From 0. */
  readonly colour: number;
  readonly dash: readonly number[];
}

/** So many runs look different where dashes are theirs too. */
export const DISTINCT = COLOURS * DASHES.length;

/**
 * How the line of a run looks.
 *
 * @param run - The run's place among the runs.
 * @param metric - The metric's place among those on the same chart; null when there is only one. With several, colours
 *   stand for runs and dashes for metrics.
 */
export function styleOf(run: number, metric: number | null): ILineStyle {
  // 7 and 4 have no common divisor: 28 runs go by before both are the same again.
  return { colour: run % COLOURS, dash: DASHES[(metric ?? run) % DASHES.length] ?? [] };
}

/** The class whose text colour is the line's. */
export function classOf({ colour }: ILineStyle): string {
  return `jp-WindlassLine jp-mod-colour${colour}`;
}

/**
 * Move labels apart.
 *
 * @param tops - Where each would like to be.
 * @param gap - How far apart they must be.
 * @param height - They must end before it, as far as they fit.
 * @returns Where each goes, in the order given.
 */
export function spread(tops: readonly number[], gap: number, height: number): number[] {
  const order = tops.map((_, at) => at).sort((one, other) => (tops[one] ?? 0) - (tops[other] ?? 0));
  const placed = [...tops];
  let free = 0;
  for (const at of order) {
    placed[at] = Math.max(placed[at] ?? 0, free);
    free = (placed[at] ?? 0) + gap;
  }
  let end = Math.max(height, order.length * gap);
  for (const at of order.reverse()) {
    placed[at] = Math.min(placed[at] ?? 0, end - gap);
    end = placed[at] ?? 0;
  }
  return placed;
}
