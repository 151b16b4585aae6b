/** One row of a list in the tab order; arrows, Home and End move among the rows. */
import * as React from 'react';

interface IRovingRows {
  /** Index of the row in the tab order. */
  readonly current: number;
  /** To be put on the element whose children are the rows. */
  readonly list: React.RefObject<HTMLDivElement>;
  readonly onFocus: (index: number) => void;
  readonly onKeyDown: (event: React.KeyboardEvent) => void;
}

/** The state of such a list. */
export function useRovingRows(count: number): IRovingRows {
  const [wanted, setWanted] = React.useState(0);
  const list = React.useRef<HTMLDivElement>(null);
  const last = count - 1;
  const current = Math.min(wanted, last);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const moves: Record<string, number> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      Home: 0,
      End: last
    };
    const next = moves[event.key];
    if (next !== undefined && count > 0) {
      event.preventDefault();
      event.stopPropagation();
      const index = Math.max(0, Math.min(last, next));
      setWanted(index);
      (list.current?.children[index] as HTMLElement | undefined)?.focus();
    }
  };
  return { current, list, onFocus: setWanted, onKeyDown };
}
