/** The bridge from models, which signal, to React, which renders. */
import type { ISignal } from '@lumino/signaling';
import { useCallback, useSyncExternalStore } from 'react';

/**
 * A value that is read again whenever a signal is emitted.
 *
 * @param signal - Emitted when the value may have changed.
 * @param read - Gives the value; the same one, by identity, while nothing has changed.
 */
export function useSignal<S, A, T>(signal: ISignal<S, A>, read: () => T): T {
  const subscribe = useCallback(
    (onChange: () => void) => {
      const slot = (): void => onChange();
      signal.connect(slot);
      return () => void signal.disconnect(slot);
    },
    [signal]
  );
  return useSyncExternalStore(subscribe, read);
}
