/** The versions of a model, newest first: number, aliases, stage, who made it and when. One of them is shown beside. */
import * as React from 'react';
import type { ModelVersion } from '../../api/types';
import { AliasChip, StageChip } from '../../components/modelMarks';
import { formatMoment } from '../../components/quantities';
import { useRovingRows } from '../../components/rovingRows';
import { formatValue } from '../../components/numbers';
import type { ModelPageModel } from './model';

interface IVersionListProps {
  readonly model: ModelPageModel;
  readonly shown: string;
}

/** A list to choose a version from. */
export function VersionList({ model, shown }: IVersionListProps): React.JSX.Element {
  const { trans } = model.windlass;
  const { items } = model.versions;
  const { current, list, onFocus, onKeyDown } = useRovingRows(items.length);
  const keys = React.useMemo(() => keysToShow(items), [items]);
  return (
    <div
      ref={list}
      className="jp-WindlassVersions"
      role="listbox"
      aria-label={trans.__('Versions')}
      onKeyDown={onKeyDown}
    >
      {items.map((version, index) => (
        <div
          key={version.version}
          className="jp-WindlassVersions-row"
          role="option"
          aria-selected={version.version === shown}
          tabIndex={index === current ? 0 : -1}
          onClick={() => model.showVersion(version.version)}
          onFocus={() => onFocus(index)}
          onKeyDown={event => {
            if (event.key === 'Enter' || event.key === ' ') {
              event.preventDefault();
              model.showVersion(version.version);
            }
          }}
        >
          <Row version={version} keys={keys} trans={trans} />
        </div>
      ))}
    </div>
  );
}

interface IRowProps {
  readonly version: ModelVersion;
  /** The metrics that are shown of each version. */
  readonly keys: readonly string[];
  readonly trans: ModelPageModel['windlass']['trans'];
}

const Row = React.memo(function Row({ version, keys, trans }: IRowProps): React.JSX.Element {
  const who = [version.user, version.created_at && formatMoment(version.created_at)].filter(Boolean);
  return (
    <>
      <span className="jp-WindlassVersions-number">{trans.__('Version %1', version.version)}</span>
      <span className="jp-WindlassChips">
        {version.aliases.map(alias => (
          <AliasChip key={alias} alias={alias} trans={trans} />
        ))}
        <StageChip stage={version.stage} trans={trans} />
        {version.status !== 'READY' && (
          <span className="jp-WindlassVersions-status">{statusWord(version.status, trans)}</span>
        )}
      </span>
      <span className="jp-WindlassVersions-line" title={who.join(' · ')}>
        {who.join(' · ')}
      </span>
      <Measured version={version} keys={keys} />
      {version.description && (
        <span className="jp-WindlassVersions-line" title={version.description}>
          {version.description}
        </span>
      )}
    </>
  );
});

/** So many metrics fit in a line. */
const MOST_METRICS = 3;

/** The metrics to compare the versions by at a glance: those that most of them have. */
function keysToShow(versions: readonly ModelVersion[]): string[] {
  const counts = new Map<string, number>();
  versions
    .flatMap(({ metrics }) => metrics)
    .forEach(({ key }) => counts.set(key, (counts.get(key) ?? 0) + 1));
  return [...counts]
    .sort(([one, many], [other, more]) => more - many || one.localeCompare(other))
    .slice(0, MOST_METRICS)
    .map(([key]) => key);
}

function Measured({ version, keys }: Omit<IRowProps, 'trans'>): React.JSX.Element | null {
  const found = keys.flatMap(key => version.metrics.find(metric => metric.key === key) ?? []);
  if (found.length === 0) {
    return null;
  }
  return (
    <span className="jp-WindlassVersions-line">
      {found.map(({ key, value }) => (
        <span key={key} className="jp-WindlassVersions-metric" title={`${key}: ${value}`}>
          {key} <strong>{formatValue(value)}</strong>
        </span>
      ))}
    </span>
  );
}

/** What MLflow's word for a version that is not ready means. */
export function statusWord(status: string, trans: ModelPageModel['windlass']['trans']): string {
  const words: Record<string, string> = {
    READY: trans.__('ready'),
    PENDING_REGISTRATION: trans.__('being registered'),
    FAILED_REGISTRATION: trans.__('registration failed')
  };
  return words[status] ?? status;
}
