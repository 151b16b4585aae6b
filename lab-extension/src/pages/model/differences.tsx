/** Two versions side by side: what breaks for callers, metrics, parameters, size. */
import * as React from 'react';
import type { ComparedValue, ModelVersionDetail, VersionComparison } from '../../api/types';
import { formatBytes } from '../../components/quantities';
import { useRemote } from '../../components/useRemote';
import { ComparedTable, SchemaChanges, SchemaVerdict } from '../../components/versionDifferences';
import type { ModelPageModel } from './model';
import { RemotePart, Section } from './parts';
import { CompareWith } from './version/compareWith';

interface IDifferencesProps {
  readonly model: ModelPageModel;
  /** The version that may take the other's place. */
  readonly candidate: string;
  /** The version that is there now. */
  readonly present: string;
}

/** The comparison of two versions. */
export function Differences({ model, candidate, present }: IDifferencesProps): React.JSX.Element {
  const { trans } = model.windlass;
  const remote = useRemote(
    `${model.name} ${candidate} ${present}`,
    async () => model.registry.client.compare(model.name, candidate, present),
    model.revision
  );
  return (
    <div className="jp-WindlassModelPage-version">
      <div className="jp-WindlassModelPage-versionHead">
        <h3>{trans.__('Version %1 against version %2', candidate, present)}</h3>
        <div className="jp-WindlassJobHeader-actions">
          <CompareWith model={model} version={candidate} />
          <button type="button" className="jp-WindlassButton" onClick={() => model.compareWith(null)}>
            {trans.__('Back to version %1', candidate)}
          </button>
        </div>
      </div>
      <RemotePart remote={remote} loading={trans.__('Comparing…')} trans={trans}>
        {comparison => <Compared comparison={comparison} trans={trans} />}
      </RemotePart>
    </div>
  );
}

interface IComparedProps {
  readonly comparison: VersionComparison;
  readonly trans: ModelPageModel['windlass']['trans'];
}

function Compared({ comparison, trans }: IComparedProps): React.JSX.Element {
  const { before, after, metrics, params } = comparison;
  const heads = [
    trans.__('Version %1', before.version.version),
    trans.__('Version %1', after.version.version)
  ] as const;
  const table = (caption: string, rows: readonly ComparedValue[]): React.ReactNode =>
    rows.length === 0 ? (
      <p className="jp-WindlassMuted">{trans.__('Neither version has any.')}</p>
    ) : (
      <ComparedTable caption={caption} heads={heads} rows={rows} trans={trans} />
    );
  return (
    <>
      <Section title={trans.__('Signature')}>
        <SchemaVerdict comparison={comparison} trans={trans} />
        <SchemaChanges changes={comparison.schema_changes} trans={trans} />
      </Section>
      <Section title={trans.__('Metrics')}>{table(trans.__('Metrics of both versions'), metrics)}</Section>
      <Section title={trans.__('Parameters')}>
        {table(trans.__('Parameters of both versions'), params)}
      </Section>
      <Section title={trans.__('Files')}>
        {table(trans.__('Files of both versions'), fileRows(before, after, trans))}
      </Section>
    </>
  );
}

function fileRows(
  before: ModelVersionDetail,
  after: ModelVersionDetail,
  trans: ModelPageModel['windlass']['trans']
): ComparedValue[] {
  const row = (key: string, read: (detail: ModelVersionDetail) => string | null): ComparedValue => {
    const values = [read(before), read(after)];
    return { key, values, differs: values[0] !== values[1] };
  };
  return [
    row(trans.__('Size'), detail => (detail.size_bytes === null ? null : formatBytes(detail.size_bytes))),
    row(trans.__('Flavors'), detail => detail.flavors.join(', ') || null),
    row(trans.__('MLflow'), detail => detail.mlflow_version),
    row(trans.__('Requirements'), detail => detail.requirements.join(', ') || null)
  ];
}
