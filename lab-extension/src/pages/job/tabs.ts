/** The tabs of a job's page. */

/** A tab of the page. */
export type JobTabName = 'log' | 'notebook' | 'placement' | 'details' | 'cost' | 'runs' | 'diff';
