/** How values are said: money, times, machines. What is not known is said to be unknown. */

/** @param {number | null | undefined} usd */
export function money(usd) {
  if (usd === null || usd === undefined) {
    return 'unknown';
  }
  const cents = Math.round(usd * 100);
  return `$${Math.abs(usd * 100 - cents) < 1e-6 || usd >= 1 ? (cents / 100).toFixed(2) : usd.toFixed(4).replace(/0+$/, '')}`;
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
