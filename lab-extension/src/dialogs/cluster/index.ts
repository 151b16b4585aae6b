/** The part of the submit dialog that is about a cluster: fetched when a cluster is first chosen. */
export { ClusterFields } from './fields';
export { OffersModel } from './offers';
export { patchCluster } from './patch';
export { readCluster } from './read';
