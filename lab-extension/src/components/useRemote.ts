/** What a part of a page asks the server for when it is shown, with its states. */
import * as React from 'react';
import type { WindlassError } from '../api/errors';
import { toWindlassError } from '../api/errors';

/** An answer, perhaps an old one beside the problem of having a new one. */
export interface IRemote<T> {
  /** The newest answer to this very question; null: none yet. */
  readonly value: T | null;
  readonly problem: WindlassError | null;
  readonly isLoading: boolean;
  /** Ask again. */
  readonly again: () => void;
}

interface IHeard<T> {
  readonly key: string;
  readonly value: T | null;
  readonly problem: WindlassError | null;
  readonly round: string;
}

/**
 * Ask, and ask again when the question changes.
 *
 * @param key - What is asked; an answer to another question is not shown for it.
 * @param ask - Asks it.
 * @param revision - Another one means that the answer may be old: it is shown until there is a new one.
 */
export function useRemote<T>(key: string, ask: () => Promise<T>, revision = 0): IRemote<T> {
  const [heard, setHeard] = React.useState<IHeard<T> | null>(null);
  const [times, again] = React.useReducer((count: number) => count + 1, 0);
  const round = `${times} ${revision}`;
  const latest = React.useRef(ask);
  React.useEffect(() => {
    latest.current = ask;
  });
  React.useEffect(() => {
    let isWanted = true;
    const hear = (value: T | null, problem: WindlassError | null): void => {
      if (isWanted) {
        setHeard(before => ({
          key,
          value: value ?? (before?.key === key ? before.value : null),
          problem,
          round
        }));
      }
    };
    latest.current().then(
      value => hear(value, null),
      (error: unknown) => hear(null, toWindlassError(error))
    );
    return () => {
      isWanted = false;
    };
  }, [key, round]);
  const current = heard?.key === key ? heard : null;
  return {
    value: current?.value ?? null,
    problem: current?.problem ?? null,
    isLoading: current?.round !== round,
    again
  };
}
