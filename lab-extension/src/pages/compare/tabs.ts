/** The tabs of the page in words. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CompareTab } from './view';
import { TABS } from './view';

/** All tabs, in order. */
export function tabsOf(trans: TranslationBundle): { name: CompareTab; label: string }[] {
  const labels: Record<CompareTab, string> = {
    curves: trans.__('Curves'),
    values: trans.__('Values'),
    scatter: trans.__('Scatter'),
    notebooks: trans.__('Notebooks')
  };
  return TABS.map(name => ({ name, label: labels[name] }));
}
