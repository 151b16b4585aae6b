/** Where a browser can see the tracking server's own page. */
import type { Info } from '../api/types';

const LOOPBACK = /^(localhost|127\.|\[::1\])/;

/**
 * The address of MLflow's page for this browser.
 *
 * @returns null when there is none, or when it lies on the server's loopback and the browser is on another machine.
 */
export function trackingUrl(info: Info | null, here: Pick<Location, 'hostname'>): string | null {
  const url = info?.tracking.url;
  if (!url || !/^https?:/.test(url)) {
    return null;
  }
  const isLoopback = LOOPBACK.test(new URL(url).host);
  return isLoopback && !LOOPBACK.test(here.hostname) ? null : url;
}
