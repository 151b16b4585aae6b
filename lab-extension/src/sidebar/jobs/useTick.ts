/** Renders again every second while something on screen counts seconds. */
import { useEffect, useReducer } from 'react';

/** Render again every second while `isTicking` and the page can be seen. */
export function useTick(isTicking: boolean): void {
  const [, tick] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (!isTicking) {
      return undefined;
    }
    const timer = window.setInterval(() => {
      if (!document.hidden) {
        tick();
      }
    }, 1000);
    return () => window.clearInterval(timer);
  }, [isTicking]);
}
