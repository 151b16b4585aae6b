/** Putting a catalogue in force from a dialog: a save, an import and a restore wait, succeed and fail alike. */
import { Problem } from './api.js';
import { resolveConflict } from './conflict.js';

/** @typedef {import('./main.js').Page} Page */
/** @typedef {ReturnType<typeof import('./dialogs.js').openDialog>} Dialog */

/**
 * Send it, and go on from what is kept then; when somebody else was quicker, show what they did.
 *
 * @param {Page} page
 * @param {{dialog: Dialog, send: () => Promise<any>, done: string, failed: (error: unknown) => void, overtaken?: (told: any) => unknown}} options
 *   `done` is said when it worked; `failed` shows in the dialog why it did not; `overtaken` replaces the offer to merge
 * @returns {Promise<boolean>} whether it is in force
 */
export async function putInForce(page, { dialog, send, done, failed, overtaken }) {
  if (dialog.isBusy()) {
    return false;
  }
  dialog.busy(true);
  try {
    const kept = await send();
    dialog.close();
    page.saved(kept);
    page.tell(done, 'success');
    return true;
  } catch (error) {
    dialog.busy(false);
    if (!(error instanceof Problem) || error.status !== 412) {
      failed(error);
    } else if (overtaken) {
      await overtaken(error.extra);
    } else {
      dialog.close();
      resolveConflict(page, error.extra);
    }
    return false;
  }
}

/** What a write must name: the revision it was made from, or that there was nothing. @param {string} revision @returns {Record<string, string>} */
export function precondition(revision) {
  return revision ? { 'If-Match': `"${revision}"` } : { 'If-None-Match': '*' };
}
