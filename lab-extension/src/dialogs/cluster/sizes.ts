/** Memory and processors as people and Kubernetes write them: `32Gi`, `500m`. Pure. */

const STEPS = ['K', 'M', 'G', 'T'];

/** Bytes of `32Gi`, `512 MiB` or `1.5 GB`; null when it is none. Without a unit it is none: bytes are rarely meant. */
export function parseSize(text: string): number | null {
  const [, amount, step, binary] = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)$/i.exec(text.trim()) ?? [];
  if (amount === undefined) {
    return null;
  }
  const power = step === undefined ? 0 : STEPS.indexOf(step.toUpperCase()) + 1;
  return Math.round(Number(amount) * (binary ? 1024 : 1000) ** power);
}

/** A number of bytes, exactly, in whatever unit says it shortest. */
export function formatSize(bytes: number): string {
  const written = [1024, 1000].flatMap(base =>
    STEPS.map((step, at) => [bytes / base ** (at + 1), `${step}${base === 1024 ? 'i' : ''}`] as const)
  );
  return written
    .filter(([amount]) => Number.isInteger(amount) && amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .reduce((best, text) => (text.length < best.length ? text : best), `${bytes}B`);
}

/** Processors of `4`, `0.5` or `500m`; null when it is none. */
export function parseCpu(text: string): number | null {
  const [, amount, milli] = /^(\d+(?:\.\d+)?)(m?)$/.exec(text.trim()) ?? [];
  return amount === undefined ? null : Number(amount) / (milli ? 1000 : 1);
}
