/** What stands in the status bar: fetched together when there is something to show. */
export { GpuStatus } from './gpus';
export { RunningJobs } from './item';
