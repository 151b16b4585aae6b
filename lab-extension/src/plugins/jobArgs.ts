/** Which job a command is about: the one in its arguments, else the one whose context menu is open. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';

/** The job's id, or null when there is none. */
export function jobId(app: JupyterFrontEnd, args: { id?: unknown }): string | null {
  if (typeof args.id === 'string') {
    return args.id;
  }
  const node = app.contextMenuHitTest(candidate => candidate.dataset.windlassJob !== undefined);
  return node?.dataset.windlassJob ?? null;
}

/** What the arguments look like. */
export function jobIdSchema(trans: TranslationBundle): ReadonlyJSONObject {
  return {
    type: 'object',
    properties: {
      id: {
        type: 'string',
        description: trans.__('Id of the job; the one under the context menu when left out')
      }
    }
  };
}
