/** The choice of the version to compare with: those with an alias or stage first, as they are asked for most. */
import * as React from 'react';
import type { ModelPageModel } from '../model';

interface ICompareWithProps {
  readonly model: ModelPageModel;
  /** The version that is compared. */
  readonly version: string;
}

/** A list to choose from; nothing where there is no other version. */
export function CompareWith({ model, version }: ICompareWithProps): React.JSX.Element | null {
  const { trans } = model.windlass;
  const others = model.versions.items.filter(other => other.version !== version);
  if (others.length === 0) {
    return null;
  }
  const marks = (other: (typeof others)[number]): string[] => [
    ...other.aliases,
    ...(other.stage === null || other.stage === 'None' ? [] : [other.stage])
  ];
  const sorted = [
    ...others.filter(other => marks(other).length > 0),
    ...others.filter(other => marks(other).length === 0)
  ];
  return (
    <select
      className="jp-WindlassSelect jp-WindlassModelPage-compare"
      aria-label={trans.__('Compare with')}
      value={model.against ?? ''}
      onChange={event => model.compareWith(event.target.value || null)}
    >
      <option value="">{trans.__('Compare with…')}</option>
      {sorted.map(other => (
        <option key={other.version} value={other.version}>
          {[trans.__('Version %1', other.version), ...marks(other)].join(' · ')}
        </option>
      ))}
    </select>
  );
}
