/** From numbers to places on a straight axis, and what stands at it. Pure. */

/** An axis from 0 to 1. */
export interface IScale {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

const TICKS = 6;
const ROOM = 0.06;

/** An axis on which all values have a place, with a little room at both ends. */
export function scaleOf(values: readonly number[], isLog: boolean): IScale {
  const seen = isLog ? values.map(Math.log10) : values;
  const low = seen.reduce((least, value) => Math.min(least, value), Infinity);
  const high = seen.reduce((greatest, value) => Math.max(greatest, value), -Infinity);
  const space = (high - low) * ROOM || Math.abs(high) * ROOM || 1;
  const [from, to] = [low - space, high + space];
  const place = (value: number): number => ((isLog ? Math.log10(value) : value) - from) / (to - from);
  return { place, ticks: isLog ? logTicks(10 ** from, 10 ** to) : ticksOf(from, to) };
}

/** Round numbers between two: 1, 2 or 5 times a power of ten apart. */
export function ticksOf(from: number, to: number): number[] {
  const rough = (to - from) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = [1, 2, 5, 10].map(times => times * power).find(step => step >= rough) ?? rough;
  const ticks: number[] = [];
  for (let count = Math.ceil(from / apart); count * apart <= to; count++) {
    ticks.push(Number((count * apart).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten between two numbers above nought, also twice and five times them where there is room; else round ones. */
export function logTicks(from: number, to: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(from)), Math.floor(Math.log10(to))];
  const decades = last - first + 1;
  if (decades > TICKS / 2) {
    const apart = Math.ceil(decades / TICKS);
    return Array.from({ length: Math.ceil(decades / apart) }, (_, at) => 10 ** (first + at * apart));
  }
  const fine = Array.from({ length: decades + 1 }, (_, at) => 10 ** (first - 1 + at)).flatMap(power =>
    [1, 2, 5].map(times => Number((times * power).toPrecision(12)))
  );
  const seen = fine.filter(tick => tick >= from && tick <= to);
  return seen.length > 2 ? seen : ticksOf(from, to);
}
