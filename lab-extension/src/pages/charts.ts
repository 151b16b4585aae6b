/** The pages that draw curves: fetched together, since most of either is what the other needs too. */
export { ComparePage } from './compare';
export { GpusPage } from './gpus';
