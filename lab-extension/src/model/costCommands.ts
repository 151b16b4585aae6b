/** The names of commands about money; the others are in `commands.ts`, which is there at start-up. */

/** Commands about money. */
export namespace CostCommandIDs {
  /** Show what was spent, by job, experiment or day, with the prices in force. */
  export const openCosts = 'windlass:open-costs';
  /** Set what the advice on a job says for the next run of its notebook; `IJobArgs`. */
  export const useAdvice = 'windlass:use-advice';
}

/** What the page of costs is kept under: there is one. */
export const COSTS_KEY = '@costs';
