/** The second tab of the submit dialog: everything that would be sent and started, and what is noticed about it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { JobPreview } from '../api/types';
import { formatUsd } from '../components/money';
import { formatBytes } from '../components/quantities';
import { StateView } from '../components/stateView';
import { EarlierBanner } from './earlier';
import { FileTable } from './fileTable';
import { Findings } from './findings';
import type { Fix } from './fix';
import type { SubmitModel } from './model';
import { DataFacts, EnvironmentFacts, gitSentence } from './previewFacts';

interface IPreviewTabProps {
  readonly model: SubmitModel;
  readonly onGoToCell: (cell: number, line: number | null) => void;
}

/** The preview in whatever state it is. */
export function PreviewTab({ model, onGoToCell }: IPreviewTabProps): React.JSX.Element {
  const { trans, preview, previewState, previewProblem } = model;
  if (!preview) {
    const retry = { label: trans.__('Try again'), act: () => model.refreshPreview() };
    return previewState === 'error' ? (
      <StateView kind="error" text={previewProblem ?? ''} actions={[retry]} />
    ) : (
      <StateView kind="loading" text={trans.__('The notebook and what it imports are being read…')} />
    );
  }
  return (
    <>
      <EarlierBanner model={model} />
      <div className="jp-WindlassPreview" aria-busy={previewState === 'stale'}>
        <Sections model={model} preview={preview} onGoToCell={onGoToCell} />
      </div>
    </>
  );
}

function Sections({
  model,
  preview,
  onGoToCell
}: IPreviewTabProps & { preview: JobPreview }): React.JSX.Element {
  const { trans } = model;
  return (
    <>
      <p className="jp-WindlassPreview-summary">{summary(model, preview)}</p>
      {preview.notices.length > 0 && (
        <ul className="jp-WindlassNotices">
          {preview.notices.map(notice => (
            <li key={notice}>{notice}</li>
          ))}
        </ul>
      )}
      <FindingsSection model={model} preview={preview} onGoToCell={onGoToCell} />
      <FileSections preview={preview} trans={trans} />
      {preview.data.length > 0 && (
        <Section title={trans.__('Data')}>
          <DataFacts preview={preview} trans={trans} />
        </Section>
      )}
      <Section title={trans.__('Environment')}>
        <EnvironmentFacts preview={preview} trans={trans} />
      </Section>
      <Section title={trans.__('Git')}>
        <p>{gitSentence(preview.git, trans)}</p>
      </Section>
      <Section title={trans.__('Command')}>
        <pre className="jp-WindlassCode" tabIndex={0}>
          {preview.command.join('\n')}
        </pre>
      </Section>
    </>
  );
}

/** Findings; what became of a fix is said where the focus goes, for its button may go away with the finding. */
function FindingsSection({
  model,
  preview,
  onGoToCell
}: IPreviewTabProps & { preview: JobPreview }): React.JSX.Element {
  const { trans, previewState } = model;
  const [isApplied, setApplied] = React.useState(false);
  const note = React.useRef<HTMLParagraphElement>(null);
  const apply = (fix: Fix): void => {
    setApplied(true);
    note.current?.focus();
    void model.apply(fix);
  };
  return (
    <Section title={trans.__('Findings')}>
      <p ref={note} className="jp-WindlassMuted" role="status" tabIndex={-1}>
        {isApplied && appliedText(model, previewState === 'ready' ? preview.findings.length : null)}
      </p>
      <Findings
        findings={preview.findings}
        notebook={preview.notebook}
        allowSecrets={model.form.allowSecrets}
        onAllowSecrets={allow => model.setAllowSecrets(allow)}
        onGoToCell={onGoToCell}
        onApply={apply}
        trans={trans}
      />
    </Section>
  );
}

function appliedText({ trans }: SubmitModel, left: number | null): string {
  return left === null
    ? trans.__('Applied. The job is looked at again…')
    : trans._n('Applied; %1 finding now.', 'Applied; %1 findings now.', left);
}

function FileSections({
  preview,
  trans
}: {
  preview: JobPreview;
  trans: TranslationBundle;
}): React.JSX.Element {
  return (
    <>
      <Section title={trans.__('What goes')}>
        <FileTable
          caption={trans.__('Files that go')}
          files={preview.files}
          totalBytes={preview.total_bytes}
          trans={trans}
        />
      </Section>
      {preview.left_out.length > 0 && (
        <Section
          title={trans.__('What stays')}
          isFolded={preview.left_out.length > 5}
          count={preview.left_out.length}
        >
          <FileTable caption={trans.__('Files that do not go')} files={preview.left_out} trans={trans} />
        </Section>
      )}
    </>
  );
}

interface ISectionProps {
  readonly title: string;
  /** Closed until opened. */
  readonly isFolded?: boolean;
  readonly count?: number;
}

function Section({
  title,
  isFolded,
  count,
  children
}: React.PropsWithChildren<ISectionProps>): React.JSX.Element {
  if (isFolded) {
    return (
      <details className="jp-WindlassSection">
        <summary>
          {title} {count !== undefined && <span className="jp-WindlassMuted">({count})</span>}
        </summary>
        {children}
      </details>
    );
  }
  return (
    <section className="jp-WindlassSection">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function summary({ trans }: SubmitModel, preview: JobPreview): string {
  const size = formatBytes(preview.total_bytes);
  const files = trans._n('%1 file (%2)', '%1 files (%2)', preview.files.length, size);
  const cells = trans._n('%1 cell', '%1 cells', preview.cells);
  const processes = trans._n('%1 process', '%1 processes', preview.world_size);
  const parts = [files, cells, trans.__('%1 by %2', processes, preview.kind)];
  const cost = preview.cost_usd_per_hour;
  if (cost !== null) {
    parts.push(trans.__('%1 an hour', formatUsd(cost)));
  } else if (preview.manifests.length > 0) {
    parts.push(trans.__('cost unknown'));
  }
  return parts.join(' · ');
}
