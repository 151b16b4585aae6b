/** The names of commands that only the pages of models use; the others are in `commands.ts`, which is there at start-up. */

/** Commands on a version of a model; `Required<IModelArgs>`. */
export namespace ModelCommandIDs {
  /** Move an alias or a stage to a version, after asking which. */
  export const promote = 'windlass:promote-model';
  /** Evaluate a version as a job, after asking on what. */
  export const evaluate = 'windlass:evaluate-model';
}
