/** What was noticed by reading the code: how much it matters as icon and word, what to do, and the way to the cell. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { errorIcon, infoIcon, offlineBoltIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { Finding, Severity } from '../api/types';
import type { Fix } from './fix';
import { canApply } from './fix';

/** The rule that finds secrets: the one the user may overrule. */
export const SECRET_RULE = 'secret';

const ICONS: Record<Severity, LabIcon> = { error: errorIcon, warning: offlineBoltIcon, info: infoIcon };

const ORDER: readonly Severity[] = ['error', 'warning', 'info'];

interface IFindingsProps {
  readonly findings: readonly Finding[];
  /** The notebook that is sent: the way to cells of others is not shown. */
  readonly notebook: string;
  readonly allowSecrets: boolean;
  readonly onAllowSecrets: (allow: boolean) => void;
  readonly onGoToCell: (cell: number, line: number | null) => void;
  readonly onApply: (fix: Fix) => void;
  readonly trans: TranslationBundle;
}

/** All findings, the worst first. */
export function Findings(props: IFindingsProps): React.JSX.Element {
  const { findings, allowSecrets, onAllowSecrets, trans } = props;
  const sorted = [...findings].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  const hasSecrets = findings.some(finding => finding.rule === SECRET_RULE);
  if (findings.length === 0) {
    return <p className="jp-WindlassPreview-none">{trans.__('No problems found.')}</p>;
  }
  return (
    <>
      <ul className="jp-WindlassFindings">
        {sorted.map((finding, index) => (
          <FindingItem key={index} finding={finding} index={index} {...props} />
        ))}
      </ul>
      {hasSecrets && (
        <label className="jp-WindlassFindings-allow">
          <input
            type="checkbox"
            className="jp-WindlassCheckbox"
            checked={allowSecrets}
            onChange={event => onAllowSecrets(event.target.checked)}
          />
          <span>
            {trans.__('Send what looks like secrets all the same. Whoever can read the job can read them.')}
          </span>
        </label>
      )}
    </>
  );
}

interface IFindingItemProps extends IFindingsProps {
  readonly finding: Finding;
  readonly index: number;
}

function FindingItem(props: IFindingItemProps): React.JSX.Element {
  const { finding, index, notebook, onGoToCell, onApply, trans } = props;
  const { severity, message, fix, path, cell, line, excerpt, apply } = finding;
  const id = `jp-windlass-finding-${index}`;
  const Icon = ICONS[severity];
  const isHere = cell !== null && (path === null || path === notebook);
  return (
    <li className={`jp-WindlassFinding jp-mod-${severity}`}>
      <span className="jp-WindlassFinding-severity">
        <Icon.react tag="span" aria-hidden width="14px" height="14px" />
        {severityWord(severity, trans)}
      </span>
      <div className="jp-WindlassFinding-body">
        <div id={id}>
          {message}{' '}
          {place(finding, trans) && <span className="jp-WindlassMuted">{place(finding, trans)}</span>}
        </div>
        {excerpt && <code className="jp-WindlassFinding-excerpt">{excerpt}</code>}
        {fix && <div className="jp-WindlassMuted">{fix}</div>}
      </div>
      {apply && canApply(apply) && (
        <button
          type="button"
          className="jp-WindlassButton"
          title={trans.__('Sets %1', changes(apply))}
          aria-describedby={id}
          onClick={() => onApply(apply)}
        >
          {trans.__('Apply')}
        </button>
      )}
      {isHere && (
        <button type="button" className="jp-WindlassButton" onClick={() => onGoToCell(cell, line)}>
          {trans.__('Go to cell')}
        </button>
      )}
    </li>
  );
}

/** What a fix would change, as requests have it: `workers: 1`. */
function changes(fix: Fix): string {
  return Object.entries(fix)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(', ');
}

function severityWord(severity: Severity, trans: TranslationBundle): string {
  const words: Record<Severity, string> = {
    error: trans.__('Error'),
    warning: trans.__('Warning'),
    info: trans.__('Note')
  };
  return words[severity];
}

function place({ path, cell, line }: Finding, trans: TranslationBundle): string {
  if (cell !== null) {
    return line === null ? trans.__('cell %1', cell + 1) : trans.__('cell %1, line %2', cell + 1, line);
  }
  if (path) {
    return line === null ? path : trans.__('%1, line %2', path, line);
  }
  return '';
}
