/** What is known of a version in one line each: who, when, from which run, how large. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { ModelVersionDetail } from '../../../api/types';
import { CommandIDs } from '../../../commands';
import { formatBytes, formatMoment } from '../../../components/quantities';
import type { ModelPageModel } from '../model';
import { Section } from '../parts';
import { Tags } from '../words/tags';

interface IFactsProps {
  readonly detail: ModelVersionDetail;
  readonly model: ModelPageModel;
  readonly commands: CommandRegistry;
}

/** A name and what it is; null is not shown. */
type Fact = readonly [name: string, value: React.ReactNode];

/** The facts. */
export function Facts(props: IFactsProps): React.JSX.Element {
  const { detail } = props;
  const { trans } = props.model.windlass;
  const shown = [...sourceFacts(props), ...fileFacts(detail, trans)].filter(([, value]) => value !== null);
  return (
    <Section title={trans.__('Version')}>
      {detail.message && <p className="jp-WindlassBanner jp-mod-warning">{detail.message}</p>}
      <dl className="jp-WindlassFactList">
        {shown.map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
    </Section>
  );
}

function sourceFacts({ detail, model, commands }: IFactsProps): Fact[] {
  const { trans } = model.windlass;
  const { version } = detail;
  const link = (command: string, id: string, label: string): React.ReactNode =>
    commands.hasCommand(command) ? (
      <button
        type="button"
        className="jp-WindlassLink"
        onClick={() => void commands.execute(command, { id })}
      >
        {label}
      </button>
    ) : (
      <code>{label}</code>
    );
  return [
    [trans.__('Registered'), version.created_at && formatMoment(version.created_at)],
    [trans.__('By'), version.user ?? trans.__('unknown')],
    [trans.__('Changed'), version.updated_at && formatMoment(version.updated_at)],
    [
      trans.__('Run'),
      version.run_id === null
        ? trans.__('none')
        : link(CommandIDs.openRun, version.run_id, version.run_name ?? version.run_id)
    ],
    [trans.__('Job'), version.job_id && link(CommandIDs.openJob, version.job_id, version.job_id)],
    [trans.__('Source'), version.source && <code>{version.source}</code>],
    [
      trans.__('Tags'),
      <Tags
        key="tags"
        of={trans.__('version %1', version.version)}
        tags={version.tags}
        onSave={async tags => model.registry.change(version.name, version.version, { tags })}
        trans={trans}
      />
    ]
  ];
}

function fileFacts(detail: ModelVersionDetail, trans: TranslationBundle): Fact[] {
  return [
    [trans.__('Size'), detail.size_bytes === null ? trans.__('unknown') : formatBytes(detail.size_bytes)],
    [trans.__('Flavors'), detail.flavors.join(', ') || null],
    [trans.__('Made with'), detail.mlflow_version && trans.__('MLflow %1', detail.mlflow_version)]
  ];
}
