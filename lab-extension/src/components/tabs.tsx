/** The row of tabs of a page. */
import * as React from 'react';

interface ITabsProps<N extends string> {
  readonly idPrefix: string;
  readonly label: string;
  readonly tabs: readonly { readonly name: N; readonly label: string }[];
  readonly current: N;
  readonly onChoose: (name: N) => void;
}

/** Tabs that the arrow keys, Home and End move between. */
export function Tabs<N extends string>(props: ITabsProps<N>): React.JSX.Element {
  const { idPrefix, label, tabs, current, onChoose } = props;
  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>): void => {
    const at = tabs.findIndex(({ name }) => name === current);
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: tabs.length - 1
    };
    const next = moves[event.key];
    const tab = next === undefined ? undefined : tabs[(next + tabs.length) % tabs.length];
    if (tab) {
      event.preventDefault();
      onChoose(tab.name);
      document.getElementById(tabId(idPrefix, tab.name))?.focus();
    }
  };
  return (
    <div className="jp-WindlassTabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map(tab => (
        <button
          key={tab.name}
          type="button"
          role="tab"
          id={tabId(idPrefix, tab.name)}
          className="jp-WindlassTab"
          aria-selected={tab.name === current}
          aria-controls={panelId(idPrefix, tab.name)}
          tabIndex={tab.name === current ? 0 : -1}
          onClick={() => onChoose(tab.name)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

/** Id of a tab's own element. */
export function tabId(prefix: string, name: string): string {
  return `${prefix}-tab-${name}`;
}

/** Id of the element that a tab shows. */
export function panelId(prefix: string, name: string): string {
  return `${prefix}-panel-${name}`;
}
