/** *Train*: the dialog, which is fetched when it is first opened, and what follows it. */
import { CommandIDs } from '../commands';
import type { ISubmitDialogOptions } from '../dialogs/submit';

/** Ask how to run the notebook, send it and show its job. The answer is the job's id, or null when nothing was sent. */
export async function train(options: Omit<ISubmitDialogOptions, 'store'>): Promise<string | null> {
  const { commands, windlass } = options;
  const { openSubmitDialog } = await import('../dialogs/submit');
  const job = await openSubmitDialog({ ...options, store: windlass.store });
  if (job && windlass.settings.openJobAfterSubmit) {
    await commands.execute(CommandIDs.openJob, { id: job.id });
  }
  return job?.id ?? null;
}
