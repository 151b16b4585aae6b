/** What is said in sections whose features are not built yet: what will be there, and what can be done today. */
import type { TranslationBundle } from '@jupyterlab/translation';

/** A section that has nothing to show yet. */
export interface IComing {
  id: 'deployments';
  title: string;
  text: string;
  /** Whether MLflow's own page shows this today. */
  isInTracking: boolean;
}

/** The sections below those that are built, in order. */
export function comingSections(trans: TranslationBundle): IComing[] {
  return [
    {
      id: 'deployments',
      title: trans.__('Deployments'),
      text: trans.__('Nothing here yet: putting a model online from here comes with a later version.'),
      isInTracking: false
    }
  ];
}
