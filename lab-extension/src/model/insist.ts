/** Sends again what had no answer. */
import { WindlassError } from '../api/errors';

/** The waits before a request without an answer is sent again, in milliseconds. */
const RETRY_MILLISECONDS = [500, 2000];

/** Send, and send again what had no answer; only for requests that do no harm when they arrive twice. */
export async function insist<T>(send: () => Promise<T>): Promise<T> {
  for (const milliseconds of RETRY_MILLISECONDS) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof WindlassError) || error.kind !== 'offline') {
        throw error;
      }
    }
    await new Promise(resolve => setTimeout(resolve, milliseconds));
  }
  return send();
}
