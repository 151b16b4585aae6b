/** The tab of values side by side, with what differs marked, or only that. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Comparison } from '../../../api/types';
import { StateView } from '../../../components/stateView';
import { Toggle } from '../curves/toolbar';
import type { ICompareView } from '../view';
import { filtered, sectionsOf } from './rows';
import { ValueTable } from './table';

interface IValuesTabProps {
  readonly comparison: Comparison;
  readonly value: ICompareView;
  readonly onChange: (change: Partial<ICompareView>) => void;
  readonly onOpenRun: ((id: string) => void) | null;
  readonly trans: TranslationBundle;
}

/** The tab. */
export function ValuesTab({
  comparison,
  value,
  onChange,
  onOpenRun,
  trans
}: IValuesTabProps): React.JSX.Element {
  const [text, setText] = React.useState('');
  const { isOnlyDifferences } = value;
  const sections = React.useMemo(
    () =>
      sectionsOf(comparison, trans)
        .map(section => filtered(section, isOnlyDifferences, text))
        .filter(({ rows }) => rows.length > 0),
    [comparison, isOnlyDifferences, text, trans]
  );
  return (
    <div className="jp-WindlassCompare-tab">
      <div className="jp-WindlassCompare-controls">
        <Toggle
          isOn={isOnlyDifferences}
          onToggle={isOn => onChange({ isOnlyDifferences: isOn })}
          label={trans.__('Only differences')}
        />
        <input
          className="jp-WindlassInput jp-WindlassCompare-filter"
          type="search"
          value={text}
          placeholder={trans.__('Filter by name')}
          aria-label={trans.__('Filter by name')}
          onChange={event => setText(event.target.value)}
        />
        <span className="jp-WindlassMuted">
          {trans.__('≠ marks what differs; the first run is what others are held against.')}
        </span>
      </div>
      {sections.length > 0 ? (
        <ValueTable runs={comparison.runs} sections={sections} onOpenRun={onOpenRun} trans={trans} />
      ) : (
        <StateView
          kind="empty"
          text={
            text.trim() !== ''
              ? trans.__('Nothing has this in its name.')
              : trans.__('Nothing differs between these runs.')
          }
        />
      )}
    </div>
  );
}
