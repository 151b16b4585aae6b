/** Which theme JupyterLab shows, for what cannot be coloured by a style sheet. */
import * as React from 'react';

/** The theme's name, followed. JupyterLab writes it at the page's body when the theme's style sheets are there. */
export function useTheme(): string {
  return React.useSyncExternalStore(follow, readTheme);
}

function follow(onChange: () => void): () => void {
  const observer = new MutationObserver(onChange);
  observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name'] });
  return () => observer.disconnect();
}

function readTheme(): string {
  return document.body.dataset.jpThemeName ?? '';
}
