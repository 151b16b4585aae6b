/**
 * Which rows of a long list are in sight, so that only those are in the document.
 *
 * All rows have one height: the place of each is known without laying out any.
 */
import type { RefObject } from 'react';
import { useLayoutEffect, useState, useSyncExternalStore } from 'react';

/** Rows that are made beyond those in sight, above and below. */
const OVERSCAN = 8;

/** What is taken as the height of what has none, before it is laid out. */
const UNKNOWN_PIXELS = 600;

/** How a list is laid out, in pixels. */
export interface IRowLayout {
  readonly rowPixels: number;
  /** The height of what stays at the top while the rows scroll below it. */
  readonly headPixels: number;
}

/** The rows in sight: the first one, and how many fit. */
export interface ISight {
  readonly first: number;
  readonly count: number;
}

/** Follows what is in sight of an element that scrolls. */
export class ListWindow {
  constructor(layout: IRowLayout) {
    this._layout = layout;
    this._sight = { first: 0, count: Math.ceil(UNKNOWN_PIXELS / layout.rowPixels) };
  }

  /** The same object until something changes. */
  get sight(): ISight {
    return this._sight;
  }

  /** The rows that are to be in the document: from the first to before the second. */
  range(rows: number): readonly [from: number, to: number] {
    const { first, count } = this._sight;
    return [Math.max(0, Math.min(first, rows) - OVERSCAN), Math.min(rows, first + count + OVERSCAN)];
  }

  /** Follow this element; the answer ends that. */
  attach(element: HTMLElement): () => void {
    this._element = element;
    const resizes = new ResizeObserver(this._measure);
    resizes.observe(element);
    element.addEventListener('scroll', this._measure, { passive: true });
    this._measure();
    return () => {
      resizes.disconnect();
      element.removeEventListener('scroll', this._measure);
      this._element = null;
    };
  }

  /** Bring a row into sight, with as little scrolling as that takes. */
  reveal(index: number): void {
    const element = this._element;
    if (element) {
      const { rowPixels, headPixels } = this._layout;
      const top = index * rowPixels;
      const height = (element.clientHeight || UNKNOWN_PIXELS) - headPixels;
      element.scrollTop = Math.max(top + rowPixels - height, Math.min(element.scrollTop, top));
      this._measure();
    }
  }

  readonly subscribe = (onChange: () => void): (() => void) => {
    this._listeners.add(onChange);
    return () => void this._listeners.delete(onChange);
  };

  private readonly _measure = (): void => {
    const element = this._element;
    if (!element) {
      return;
    }
    const { rowPixels, headPixels } = this._layout;
    const height = element.clientHeight || UNKNOWN_PIXELS;
    const first = Math.floor(element.scrollTop / rowPixels);
    const count = Math.ceil((height - headPixels) / rowPixels) + 1;
    if (first !== this._sight.first || count !== this._sight.count) {
      this._sight = { first, count };
      this._listeners.forEach(listener => listener());
    }
  };

  private _element: HTMLElement | null = null;
  private readonly _layout: IRowLayout;
  private readonly _listeners = new Set<() => void>();
  private _sight: ISight;
}

/** The window of a list: rendered again when other rows come into sight. */
export function useWindow(scroller: RefObject<HTMLElement>, layout: IRowLayout): ListWindow {
  const [list] = useState(() => new ListWindow(layout));
  useLayoutEffect(() => (scroller.current ? list.attach(scroller.current) : undefined), [list, scroller]);
  useSyncExternalStore(list.subscribe, () => list.sight);
  return list;
}
