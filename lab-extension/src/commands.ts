/** The names of the commands and of their arguments. What they do is in `plugins/commands.ts`. */

/** Every command of Windlass. */
export namespace CommandIDs {
  /** Open the submit dialog; `ITrainArgs`. */
  export const train = 'windlass:train';
  /** Show a job's page; `IJobArgs`. */
  export const openJob = 'windlass:open-job';
  /** Stop a job for good; `IJobArgs`. */
  export const stopJob = 'windlass:stop-job';
  /** Run a job again; `IJobArgs`. */
  export const rerunJob = 'windlass:rerun-job';
  /** Forget a job that has ended, after asking; `IJobArgs`. */
  export const deleteJob = 'windlass:delete-job';
  /** Show the executed notebook on the job's page; `IJobArgs`. */
  export const openExecutedNotebook = 'windlass:open-executed-notebook';
  /** Show the panel. */
  export const showPanel = 'windlass:show-panel';
  /** Ask the server for the jobs now. */
  export const refresh = 'windlass:refresh';
  /** Show only jobs of the notebook on screen, or all again. */
  export const filterNotebook = 'windlass:filter-notebook';
  /** Open the page of the MLflow server. */
  export const openTracking = 'windlass:open-tracking';
}

/** Which notebook to send. */
export interface ITrainArgs {
  /** Relative to the server's root; the notebook on screen when left out. */
  path?: string;
}

/** Which job. */
export interface IJobArgs {
  id: string;
}
