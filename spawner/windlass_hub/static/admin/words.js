/** How values are said: money, times, machines. What is not known is said to be unknown. */

/** @param {number | null | undefined} usd */
export function money(usd) {
  if (usd === null || usd === undefined) {
    return 'unknown';
  }
  // Below a dollar a part of a cent counts; what is next to nothing is still not nothing.
  const digits = usd >= 1 ? 2 : usd > 0 && usd < 0.01 ? 6 : 4;
  return `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: digits })}`;
}

/** @param {string | null | undefined} at RFC 3339 */
export function time(at) {
  return at ? new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : 'unknown';
}

/** @param {number | null | undefined} hours */
export function duration(hours) {
  if (hours === null || hours === undefined) {
    return 'unknown';
  }
  const minutes = Math.floor(hours * 60);
  if (minutes < 60) {
    return `${minutes} min`;
  }
  return hours < 48
    ? `${Math.floor(hours)} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${Math.floor(hours % 24)} h`;
}

/** What a profile gives, in one line. @param {any} profile */
export function machine(profile) {
  const gpu = profile.gpu;
  const kind = gpu?.mode === 'mig' ? ` ${gpu.mig_profile || 'MIG'}` : gpu?.mode === 'shared' ? ' shared' : '';
  return [
    `${profile.cpu || '?'} CPU`,
    `${profile.memory || '?'} memory`,
    gpu ? `${gpu.count ?? 1} × ${gpu.product || '?'}${kind}` : null,
    profile.spot ? 'spot' : null
  ]
    .filter(part => part !== null)
    .join(' · ');
}

/** Who may use a profile. @param {any} profile */
export function who(profile) {
  const names = [
    ...(profile.groups || []),
    ...(profile.users || []).map((/** @type {string} */ name) => `@${name}`)
  ];
  return names.length ? names.join(', ') : 'everyone';
}

/** @param {number} count @param {string} one */
export function count(count, one) {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
