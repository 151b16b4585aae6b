/**
 * Which lines of two texts are the same, and which were removed or added.
 *
 * Common beginnings and ends are cut off first; what is between them is compared by the longest common subsequence
 * while that is cheap, and taken as wholly replaced when it is not.
 */

/** A line of the comparison, with its numbers (from 1) in both texts; null where it is in one only. */
export interface IDiffLine {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
  readonly then: number | null;
  readonly now: number | null;
}

/** Two lines beside each other; null where one side has nothing. */
export interface IDiffPair {
  readonly left: IDiffLine | null;
  readonly right: IDiffLine | null;
}

const MOST_COMPARISONS = 4_000_000;

/** The lines of `then` and `now`, in the order in which a unified difference shows them. */
export function diffLines(then: string, now: string): IDiffLine[] {
  const a = then === '' ? [] : then.split('\n');
  const b = now === '' ? [] : now.split('\n');
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) {
    head++;
  }
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) {
    tail++;
  }
  const lines = new Lines(a, b);
  lines.same(head);
  lines.compare(a.length - tail, b.length - tail);
  lines.same(tail);
  return lines.all;
}

/** The same lines as pairs: a removed line stands beside the added one that took its place. */
export function pairLines(lines: readonly IDiffLine[]): IDiffPair[] {
  const pairs: IDiffPair[] = [];
  let removed: IDiffLine[] = [];
  let added: IDiffLine[] = [];
  const flush = (): void => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      pairs.push({ left: removed[i] ?? null, right: added[i] ?? null });
    }
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.kind === 'same') {
      flush();
      pairs.push({ left: line, right: line });
    } else {
      (line.kind === 'removed' ? removed : added).push(line);
    }
  }
  flush();
  return pairs;
}

/** Collects lines while two texts are walked through. */
class Lines {
  constructor(
    private readonly _a: readonly string[],
    private readonly _b: readonly string[]
  ) {}

  readonly all: IDiffLine[] = [];

  same(count: number): void {
    for (let i = 0; i < count; i++) {
      const text = this._a[this._i] ?? '';
      this.all.push({ kind: 'same', text, then: ++this._i, now: ++this._j });
    }
  }

  /** Walk on to these ends of both texts. */
  compare(endA: number, endB: number): void {
    const kept = commonSubsequence(this._a.slice(this._i, endA), this._b.slice(this._j, endB));
    const startA = this._i;
    const startB = this._j;
    for (const [a, b] of kept) {
      this._replace(startA + a, startB + b);
      this.same(1);
    }
    this._replace(endA, endB);
  }

  private _replace(endA: number, endB: number): void {
    while (this._i < endA) {
      this.all.push({ kind: 'removed', text: this._a[this._i] ?? '', then: ++this._i, now: null });
    }
    while (this._j < endB) {
      this.all.push({ kind: 'added', text: this._b[this._j] ?? '', then: null, now: ++this._j });
    }
  }

  private _i = 0;
  private _j = 0;
}

/** Pairs of indices of a longest common subsequence, in order; none when finding it would take too long. */
function commonSubsequence(a: readonly string[], b: readonly string[]): [number, number][] {
  if (a.length * b.length > MOST_COMPARISONS) {
    return [];
  }
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) {
      pairs.push([i++, j++]);
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      i++;
    } else {
      j++;
    }
  }
  return pairs;
}
