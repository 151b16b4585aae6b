/** Stand-ins for what jsdom has no layout for, and JupyterLab's packages need at import. */
import { TextDecoder, TextEncoder } from 'node:util';

Object.assign(globalThis, { TextDecoder, TextEncoder });

class NoObserver {
  disconnect(): void {
    // There is no layout that could change.
  }
  observe(): void {
    // As above.
  }
  unobserve(): void {
    // As above.
  }
  takeRecords(): [] {
    return [];
  }
}

Object.assign(globalThis, {
  DragEvent: class extends Event {},
  IntersectionObserver: NoObserver,
  ResizeObserver: NoObserver,
  cancelIdleCallback: (id: number) => window.clearTimeout(id),
  requestIdleCallback: (callback: () => void) => window.setTimeout(callback, 0),
  IS_REACT_ACT_ENVIRONMENT: true
});

window.matchMedia = query =>
  Object.assign(new EventTarget(), {
    addListener: () => undefined,
    matches: false,
    media: query,
    onchange: null,
    removeListener: () => undefined
  });

Element.prototype.scrollIntoView = () => undefined;
