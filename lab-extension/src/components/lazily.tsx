/** Renders what is fetched when it is first shown, with its states until then. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../api/errors';
import { StateView } from './stateView';

interface ILazilyProps<P> {
  /** Fetches the component; the same function at every rendering. */
  readonly load: () => Promise<React.ComponentType<P>>;
  readonly props: P;
  readonly trans: TranslationBundle;
}

type Fetched<P> = { readonly component: React.ComponentType<P> } | { readonly problem: string } | null;

/** The component once it is there. */
export function Lazily<P extends object>({ load, props, trans }: ILazilyProps<P>): React.JSX.Element {
  const [fetched, setFetched] = React.useState<Fetched<P>>(null);
  const [round, tryAgain] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    let isWanted = true;
    const set = (next: Fetched<P>): void => {
      if (isWanted) {
        setFetched(next);
      }
    };
    load().then(
      component => set({ component }),
      (error: unknown) => set({ problem: toMessage(error, trans) })
    );
    return () => {
      isWanted = false;
    };
  }, [load, trans, round]);
  if (fetched === null) {
    return <StateView kind="loading" text={trans.__('Loading…')} />;
  }
  if ('problem' in fetched) {
    const retry = { label: trans.__('Try again'), act: tryAgain };
    return <StateView kind="error" text={fetched.problem} actions={[retry]} />;
  }
  return <fetched.component {...props} />;
}
