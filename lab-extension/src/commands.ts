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
  /** Show a page of the main area; `IPageArgs`. What saved layouts are restored by. */
  export const openPage = 'windlass:open-page';
  /** Show a run's page; `IRunArgs`. */
  export const openRun = 'windlass:open-run';
  /** Show an experiment's runs as a table in the main area; `IExperimentArgs`. */
  export const openRuns = 'windlass:open-runs';
  /** Compare runs side by side; `ICompareArgs`. */
  export const compareRuns = 'windlass:compare-runs';
  /** Make a run's model a version of a registered model; `IRegisterArgs`. */
  export const registerModel = 'windlass:register-model';
  /** Show a model of the registry; `IModelArgs`. */
  export const openModel = 'windlass:open-model';
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

/** Which page. */
export interface IPageArgs {
  /** `job`, `run`, `runs`, `compare` or `model`. */
  kind: string;
  /** The id of the job, run or experiment, or the name of the model. */
  key: string;
}

/** Which run. */
export interface IRunArgs {
  id: string;
}

/** Which experiment. */
export interface IExperimentArgs {
  id: string;
}

/** Which runs, in the order they were chosen. */
export interface ICompareArgs {
  ids: string[];
}

/** Which of a run's models. */
export interface IRegisterArgs {
  runId: string;
  /** Of a LoggedModel; null: the one at `path`. */
  modelId: string | null;
  /** Among the run's artifacts, for a model without an id. */
  path: string | null;
}

/** Which model of the registry. */
export interface IModelArgs {
  name: string;
  /** The version to show first; the newest when left out. */
  version?: string;
}
