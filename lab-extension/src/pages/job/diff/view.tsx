/** Two notebooks, as a rule that as it was sent and that as it is now, cell by cell and line by line. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { CellChange, NotebookDiff } from '../../../api/types';
import type { IDiffLine } from './lines';
import { diffLines, pairLines } from './lines';

interface IDiffViewProps {
  readonly diff: NotebookDiff;
  readonly isSplit: boolean;
  /** What both sides are called; left out: one is the notebook as it was, the other as it is now. */
  readonly names?: ISideNames;
  readonly trans: TranslationBundle;
}

/** What both sides of a difference are called. */
export interface ISideNames {
  readonly then: string;
  readonly now: string;
}

/** All cells that differ; those that are the same are only counted. */
export function DiffView({ diff, isSplit, names, trans }: IDiffViewProps): React.JSX.Element {
  const groups = React.useMemo(() => groupCells(diff.cells), [diff.cells]);
  return (
    <div className={`jp-WindlassDiff${isSplit ? ' jp-mod-split' : ''}`}>
      {groups.map((group, index) =>
        typeof group === 'number' ? (
          <p key={index} className="jp-WindlassDiff-same">
            {trans._n('%1 cell is the same', '%1 cells are the same', group)}
          </p>
        ) : (
          <CellDiff key={index} change={group} isSplit={isSplit} names={names} trans={trans} />
        )
      )}
    </div>
  );
}

/** Cells that differ, and in their place how many that do not. */
export function groupCells(cells: readonly CellChange[]): (CellChange | number)[] {
  const groups: (CellChange | number)[] = [];
  for (const cell of cells) {
    const last = groups[groups.length - 1];
    if (cell.change !== 'same') {
      groups.push(cell);
    } else if (typeof last === 'number') {
      groups[groups.length - 1] = last + 1;
    } else {
      groups.push(1);
    }
  }
  return groups;
}

interface ICellDiffProps {
  readonly change: CellChange;
  readonly isSplit: boolean;
  readonly names: ISideNames | undefined;
  readonly trans: TranslationBundle;
}

function CellDiff({ change, isSplit, names, trans }: ICellDiffProps): React.JSX.Element {
  const lines = React.useMemo(
    () => diffLines(change.then_source ?? '', change.now_source ?? ''),
    [change.then_source, change.now_source]
  );
  return (
    <section className={`jp-WindlassDiff-cell jp-mod-${change.change}`}>
      <h3>{names ? sideTitle(change, names, trans) : cellTitle(change, trans)}</h3>
      <table className="jp-WindlassDiff-lines">
        <tbody>
          {isSplit
            ? pairLines(lines).map(({ left, right }, index) => (
                <tr key={index}>
                  <Side line={left} side="then" trans={trans} />
                  <Side line={right} side="now" trans={trans} />
                </tr>
              ))
            : lines.map((line, index) => (
                <tr key={index}>
                  <td className="jp-WindlassDiff-number">{line.then}</td>
                  <td className="jp-WindlassDiff-number">{line.now}</td>
                  <Code line={line} trans={trans} />
                </tr>
              ))}
        </tbody>
      </table>
    </section>
  );
}

interface ISideProps {
  readonly line: IDiffLine | null;
  readonly side: 'then' | 'now';
  readonly trans: TranslationBundle;
}

function Side({ line, side, trans }: ISideProps): React.JSX.Element {
  return (
    <>
      <td className="jp-WindlassDiff-number">{line?.[side] ?? ''}</td>
      {line ? <Code line={line} trans={trans} /> : <td className="jp-WindlassDiff-code jp-mod-none" />}
    </>
  );
}

const SIGNS = { same: ' ', removed: '−', added: '+' };

function Code({ line, trans }: { line: IDiffLine; trans: TranslationBundle }): React.JSX.Element {
  const words = { same: '', removed: trans.__('removed'), added: trans.__('added') };
  return (
    <td className={`jp-WindlassDiff-code jp-mod-${line.kind}`}>
      <span className="jp-WindlassDiff-sign" aria-hidden>
        {SIGNS[line.kind]}
      </span>
      {words[line.kind] && <span className="jp-WindlassUnseen">{words[line.kind]} </span>}
      {line.text}
    </td>
  );
}

function cellTitle(
  { change, cell_type: type, then_index: then, now_index: now }: CellChange,
  trans: TranslationBundle
): string {
  const kind = cellKind(type, trans);
  switch (change) {
    case 'added':
      return trans.__('%1 %2, added since', kind, (now ?? 0) + 1);
    case 'removed':
      return trans.__('%1 %2, removed since', kind, (then ?? 0) + 1);
    default:
      return then === now || now === null
        ? trans.__('%1 %2, changed since', kind, (then ?? 0) + 1)
        : trans.__('%1 %2 (now %3), changed since', kind, (then ?? 0) + 1, now + 1);
  }
}

/** The same of two notebooks neither of which is the other as it was. */
function sideTitle(
  { change, cell_type: type, then_index: then, now_index: now }: CellChange,
  names: ISideNames,
  trans: TranslationBundle
): string {
  const kind = cellKind(type, trans);
  switch (change) {
    case 'added':
      return trans.__('%1 %2, only in %3', kind, (now ?? 0) + 1, names.now);
    case 'removed':
      return trans.__('%1 %2, only in %3', kind, (then ?? 0) + 1, names.then);
    default:
      return then === now || now === null
        ? trans.__('%1 %2 differs', kind, (then ?? 0) + 1)
        : trans.__('%1 %2 (in %3 %4) differs', kind, (then ?? 0) + 1, names.now, now + 1);
  }
}

function cellKind(type: string, trans: TranslationBundle): string {
  switch (type) {
    case 'markdown':
      return trans.__('Text cell');
    case 'raw':
      return trans.__('Raw cell');
    default:
      return trans.__('Code cell');
  }
}
