/** What is different between two versions of a model: what breaks for callers, values side by side. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon, errorIcon, infoIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import '../../style/versions.css';
import type { ComparedValue, SchemaChange, VersionComparison } from '../api/types';
import { formatNumber } from './numbers';

interface IVerdictProps {
  readonly comparison: VersionComparison;
  readonly trans: TranslationBundle;
}

/** Whether a caller of the present version can fail with the candidate, in one sentence. */
export function SchemaVerdict({ comparison, trans }: IVerdictProps): React.JSX.Element {
  const { before, after, breaking, schema_changes: changes } = comparison;
  const [present, candidate] = [before.version.version, after.version.version];
  if (breaking === null) {
    const without = before.signature === null ? present : candidate;
    return (
      <Verdict kind="unknown" icon={infoIcon}>
        {trans.__(
          'Whether callers of version %1 can fail with version %2 is not known: version %3 has no signature.',
          present,
          candidate,
          without
        )}
      </Verdict>
    );
  }
  if (breaking) {
    return (
      <Verdict kind="breaks" icon={errorIcon}>
        {trans.__('Schema break: a caller of version %1 can fail with version %2.', present, candidate)}
      </Verdict>
    );
  }
  return (
    <Verdict kind="holds" icon={checkIcon}>
      {changes.length === 0
        ? trans.__('The same signature: callers of version %1 need no change.', present)
        : trans.__('The signature differs, and callers of version %1 need no change.', present)}
    </Verdict>
  );
}

interface IVerdict {
  readonly kind: 'breaks' | 'holds' | 'unknown';
  readonly icon: typeof infoIcon;
  readonly children: React.ReactNode;
}

function Verdict({ kind, icon: Icon, children }: IVerdict): React.JSX.Element {
  return (
    <p className={`jp-WindlassVerdict jp-mod-${kind}`}>
      <Icon.react className="jp-WindlassVerdict-icon" tag="span" aria-hidden />
      <span>{children}</span>
    </p>
  );
}

interface ISchemaChangesProps {
  readonly changes: readonly SchemaChange[];
  readonly trans: TranslationBundle;
}

/** The fields that two signatures do not share alike. */
export function SchemaChanges({ changes, trans }: ISchemaChangesProps): React.JSX.Element | null {
  if (changes.length === 0) {
    return null;
  }
  return (
    <table className="jp-WindlassTable">
      <caption className="jp-WindlassUnseen">{trans.__('Differences of the signatures')}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Field')}</th>
          <th scope="col">{trans.__('Change')}</th>
          <th scope="col">{trans.__('Before')}</th>
          <th scope="col">{trans.__('After')}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change, index) => (
          <tr key={index} className={change.breaking ? 'jp-mod-breaking' : undefined}>
            <th scope="row">
              {partWord(change, trans)} <code>{change.name ?? trans.__('(unnamed)')}</code>
            </th>
            <td>
              {changeWord(change, trans)}{' '}
              {change.breaking && <strong className="jp-WindlassVerdict-break">{trans.__('breaks')}</strong>}
            </td>
            <td>{change.before === null ? '–' : <code>{change.before}</code>}</td>
            <td>{change.after === null ? '–' : <code>{change.after}</code>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function partWord({ part }: SchemaChange, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    inputs: trans.__('input'),
    outputs: trans.__('output'),
    params: trans.__('parameter')
  };
  return words[part] ?? part;
}

function changeWord({ change }: SchemaChange, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    added: trans.__('added'),
    removed: trans.__('removed'),
    type: trans.__('another type'),
    required: trans.__('required or optional')
  };
  return words[change] ?? change;
}

interface IComparedTableProps {
  readonly caption: string;
  /** What the two columns are of. */
  readonly heads: readonly [string, string];
  readonly rows: readonly ComparedValue[];
  readonly trans: TranslationBundle;
}

/** Values of two versions side by side, and for numbers by how much they differ. */
export function ComparedTable({ caption, heads, rows, trans }: IComparedTableProps): React.JSX.Element {
  const isOfNumbers = rows.some(({ values }) => values.some(value => typeof value === 'number'));
  return (
    <div className={`jp-WindlassCompared${isOfNumbers ? '' : ' jp-mod-texts'}`}>
      <table className="jp-WindlassTable">
        <caption className="jp-WindlassUnseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col" className="jp-mod-number">
              {heads[0]}
            </th>
            <th scope="col" className="jp-mod-number">
              {heads[1]}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Difference')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={row.key} className={row.differs ? 'jp-mod-differs' : undefined}>
              <th scope="row">{row.key}</th>
              <Value value={row.values[0] ?? null} trans={trans} />
              <Value value={row.values[1] ?? null} trans={trans} />
              <td className="jp-mod-number">{difference(row, trans)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface IValueProps {
  readonly value: number | string | null;
  readonly trans: TranslationBundle;
}

function Value({ value, trans }: IValueProps): React.JSX.Element {
  if (value === null) {
    return <td className="jp-mod-number jp-WindlassMuted">{trans.__('none')}</td>;
  }
  return (
    <td className="jp-mod-number" title={String(value)}>
      {typeof value === 'number' ? formatNumber(value) : value}
    </td>
  );
}

function difference({ values, differs }: ComparedValue, trans: TranslationBundle): string {
  const [before, after] = values;
  if (typeof before === 'number' && typeof after === 'number') {
    const by = after - before;
    return by === 0 ? '=' : `${by > 0 ? '+' : '−'}${formatNumber(Math.abs(by))}`;
  }
  return differs ? trans.__('differs') : '=';
}
