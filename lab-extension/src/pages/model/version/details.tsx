/** One version of a model: what it is, where it came from, what it measures, takes and gives. */
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { ModelVersion, ModelVersionDetail } from '../../../api/types';
import { LineageStrip } from '../../../components/lineage';
import { AliasChip, StageChip } from '../../../components/modelMarks';
import { formatValue } from '../../../components/numbers';
import { useRemote } from '../../../components/useRemote';
import { ModelCommandIDs } from '../../../model/modelCommands';
import type { ModelPageModel } from '../model';
import { RemotePart, Section, WebLink } from '../parts';
import { statusWord } from '../versions';
import { Description } from '../words/description';
import { CompareWith } from './compareWith';
import { Evaluation } from './evaluation';
import { Facts } from './facts';
import { SignatureTables } from './signature';

interface IVersionDetailsProps {
  readonly model: ModelPageModel;
  readonly version: string;
  readonly commands: CommandRegistry;
}

/** The details of one version. */
export function VersionDetails({ model, version, commands }: IVersionDetailsProps): React.JSX.Element {
  const { trans } = model.windlass;
  const { client } = model.registry;
  const detail = useRemote(version, async () => client.version(model.name, version), model.revision);
  const lineage = useRemote(version, async () => client.lineage(model.name, version), model.revision);
  const listed = model.versions.items.find(item => item.version === version) ?? detail.value?.version ?? null;
  return (
    <div className="jp-WindlassModelPage-version">
      <VersionHead model={model} version={version} listed={listed} commands={commands} />
      <RemotePart remote={detail} loading={trans.__('Loading version %1…', version)} trans={trans}>
        {value => (
          <>
            <Description
              of={trans.__('version %1', version)}
              text={value.version.description}
              onSave={async description => model.registry.change(model.name, version, { description })}
              trans={trans}
            />
            <Facts detail={value} model={model} commands={commands} />
            <Section title={trans.__('Lineage')}>
              <RemotePart remote={lineage} loading={trans.__('Following it…')} trans={trans}>
                {chain => <LineageStrip lineage={chain} commands={commands} trans={trans} />}
              </RemotePart>
            </Section>
            <Evaluation model={model} version={version} commands={commands} />
            <Measured detail={value} trans={trans} />
            <Section title={trans.__('Signature')}>
              <SignatureTables detail={value} trans={trans} />
            </Section>
            <Requirements detail={value} trans={trans} />
          </>
        )}
      </RemotePart>
    </div>
  );
}

interface IVersionHeadProps extends IVersionDetailsProps {
  readonly listed: ModelVersion | null;
}

function VersionHead({ model, version, listed, commands }: IVersionHeadProps): React.JSX.Element {
  const { trans } = model.windlass;
  const run = (id: string): void => void commands.execute(id, { name: model.name, version });
  const isReady = listed?.status === 'READY';
  return (
    <div className="jp-WindlassModelPage-versionHead">
      <h3>{trans.__('Version %1', version)}</h3>
      <span className="jp-WindlassChips">
        {listed?.aliases.map(alias => (
          <AliasChip key={alias} alias={alias} trans={trans} />
        ))}
        <StageChip stage={listed?.stage ?? null} trans={trans} />
      </span>
      <div
        className="jp-WindlassJobHeader-actions"
        role="toolbar"
        aria-label={trans.__('Actions on version %1', version)}
      >
        <button
          type="button"
          className="jp-WindlassButton jp-mod-primary"
          disabled={!isReady}
          onClick={() => run(ModelCommandIDs.promote)}
        >
          {trans.__('Promote…')}
        </button>
        <button
          type="button"
          className="jp-WindlassButton"
          disabled={!isReady}
          onClick={() => run(ModelCommandIDs.evaluate)}
        >
          {trans.__('Evaluate…')}
        </button>
        <CompareWith model={model} version={version} />
        <WebLink url={listed?.url ?? null} label={trans.__('Open in MLflow')} />
      </div>
      {listed && !isReady && (
        <p className="jp-WindlassBanner jp-mod-warning">
          {trans.__('This version is not ready: %1.', statusWord(listed.status, trans))} {listed.message}
        </p>
      )}
    </div>
  );
}

interface IDetailProps {
  readonly detail: ModelVersionDetail;
  readonly trans: ModelPageModel['windlass']['trans'];
}

/** So many rows of a kind are made; more by a press of the button. */
const BATCH_ROWS = 100;

function Measured({ detail, trans }: IDetailProps): React.JSX.Element {
  return (
    <>
      <Section title={trans.__('Metrics')}>
        <Values
          caption={trans.__('Metrics')}
          empty={trans.__('Its run logged no metrics.')}
          rows={detail.metrics}
          trans={trans}
        />
      </Section>
      <Section title={trans.__('Parameters')}>
        <Values
          caption={trans.__('Parameters')}
          empty={trans.__('Its run logged no parameters.')}
          rows={detail.params}
          trans={trans}
        />
      </Section>
    </>
  );
}

interface IValuesProps {
  readonly caption: string;
  readonly empty: string;
  readonly rows: readonly { readonly key: string; readonly value: number | string }[];
  readonly trans: ModelPageModel['windlass']['trans'];
}

function Values({ caption, empty, rows, trans }: IValuesProps): React.JSX.Element {
  const [limit, setLimit] = React.useState(BATCH_ROWS);
  if (rows.length === 0) {
    return <p className="jp-WindlassMuted">{empty}</p>;
  }
  return (
    <>
      <table className="jp-WindlassTable jp-WindlassModelPage-values">
        <caption className="jp-WindlassUnseen">{caption}</caption>
        <thead className="jp-WindlassUnseen">
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col">{trans.__('Value')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, limit).map(({ key, value }) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td title={String(value)}>{formatValue(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > limit && (
        <button type="button" className="jp-WindlassButton" onClick={() => setLimit(limit + BATCH_ROWS)}>
          {trans.__('Show more: %1 of %2 are shown', limit, rows.length)}
        </button>
      )}
    </>
  );
}

function Requirements({ detail, trans }: IDetailProps): React.JSX.Element {
  const { requirements } = detail;
  return (
    <Section title={trans.__('Requirements')}>
      {requirements.length === 0 ? (
        <p className="jp-WindlassMuted">
          {detail.message ?? trans.__('The model says nothing of what it needs.')}
        </p>
      ) : (
        <pre className="jp-WindlassCode" tabIndex={0} aria-label={trans.__('Requirements')}>
          {requirements.join('\n')}
        </pre>
      )}
    </Section>
  );
}
