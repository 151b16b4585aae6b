/** The plain facts of a preview: data that code opens, the environment, Git, the command. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { DataReference, EnvironmentSummary, GitState, JobPreview } from '../api/types';
import { formatBytes } from '../components/quantities';

interface IFactsProps {
  readonly preview: JobPreview;
  readonly trans: TranslationBundle;
}

/** Data files that the code opens by name. */
export function DataFacts({ preview, trans }: IFactsProps): React.JSX.Element {
  return (
    <ul className="jp-WindlassFacts">
      {preview.data.map((reference, index) => (
        <li key={index}>
          <code>{reference.path}</code> <span className="jp-WindlassMuted">{dataFate(reference, trans)}</span>
        </li>
      ))}
    </ul>
  );
}

function dataFate(reference: DataReference, trans: TranslationBundle): string {
  const where =
    reference.cell === null
      ? trans.__('opened in %1, line %2', reference.file, reference.line)
      : trans.__('opened in cell %1, line %2', reference.cell + 1, reference.line);
  if (!reference.exists) {
    return trans.__('%1: not found', where);
  }
  const size = reference.size_bytes === null ? '' : formatBytes(reference.size_bytes);
  return reference.included
    ? trans.__('%1: goes along (%2)', where, size)
    : trans.__('%1: stays here (%2). Name it under “Also send” if the job needs it.', where, size);
}

/** The Python that would run the job. */
export function EnvironmentFacts({ preview, trans }: IFactsProps): React.JSX.Element {
  const { environment } = preview;
  return (
    <>
      <p>{environmentName(environment, trans)}</p>
      {environment.missing.length > 0 && (
        <p className="jp-WindlassFacts-missing">
          {trans.__('Imported, and not installed there: %1', environment.missing.join(', '))}
        </p>
      )}
      {environment.packages.length > 0 && (
        <ul className="jp-WindlassFacts jp-mod-inline">
          {environment.packages.map(({ module, distribution, version }) => (
            <li key={module}>
              <code>{distribution ?? module}</code>{' '}
              <span className="jp-WindlassMuted">{version ?? trans.__('not installed')}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function environmentName(environment: EnvironmentSummary, trans: TranslationBundle): string {
  const name = environment.display_name ?? environment.name ?? trans.__('Unknown environment');
  return environment.python_version ? trans.__('%1, Python %2', name, environment.python_version) : name;
}

/** Commit, branch and whether anything was changed since. */
export function gitSentence(git: GitState | null, trans: TranslationBundle): string {
  if (!git?.commit) {
    return trans.__('Not in a Git work tree, or nothing is committed yet.');
  }
  const commit = git.commit.slice(0, 10);
  const place = git.branch ? trans.__('%1 on %2', commit, git.branch) : commit;
  if (git.dirty === null) {
    return place;
  }
  return git.dirty
    ? trans.__('%1, with changes that are not committed. The job runs the files as they are.', place)
    : trans.__('%1, nothing changed since', place);
}
