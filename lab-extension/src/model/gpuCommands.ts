/** The names of commands about GPUs; the others are in `commands.ts`, which is there at start-up. */

/** Commands about GPUs. */
export namespace GpuCommandIDs {
  /** Show how GPUs were used: those of a job over its life, or of this machine; `IGpusArgs`. */
  export const openGpus = 'windlass:open-gpus';
}

/** Whose GPUs. */
export interface IGpusArgs {
  /** A job's id; this machine when left out. */
  id?: string;
}

/** What a page of GPUs is kept under: a job's id, or this machine's name, which no job has. */
export const MACHINE_KEY = '@machine';
