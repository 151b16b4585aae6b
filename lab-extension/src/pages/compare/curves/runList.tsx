/** Whose lines they are: every run with its look, to be hidden, shown or opened. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Run } from '../../../api/types';
import { RunStateBadge } from '../../../components/runState';
import { RunName } from '../run';
import { styleOf } from './styles';
import { Swatch } from './swatch';

interface IRunListProps {
  readonly runs: readonly Run[];
  readonly hidden: ReadonlySet<string>;
  readonly onHide: (hidden: ReadonlySet<string>) => void;
  /** Whether dashes tell runs apart, as on charts of one metric. */
  readonly isDashed: boolean;
  readonly onOpenRun: ((id: string) => void) | null;
  readonly trans: TranslationBundle;
}

/** The list. */
export function RunList(props: IRunListProps): React.JSX.Element {
  const { runs, hidden, onHide, isDashed, onOpenRun, trans } = props;
  const toggle = (id: string): void => {
    const next = new Set(hidden);
    if (!next.delete(id)) {
      next.add(id);
    }
    onHide(next);
  };
  const isAnyHidden = hidden.size > 0;
  return (
    <section className="jp-WindlassRunList">
      <div className="jp-WindlassRunList-head">
        <h3>{trans.__('Runs')}</h3>
        <button
          type="button"
          className="jp-WindlassLink"
          onClick={() => onHide(new Set(isAnyHidden ? [] : runs.map(run => run.id)))}
        >
          {isAnyHidden ? trans.__('Show all') : trans.__('Hide all')}
        </button>
      </div>
      <ul tabIndex={0} aria-label={trans.__('Runs')}>
        {runs.map((run, at) => (
          <li key={run.id}>
            <label>
              <input
                type="checkbox"
                className="jp-WindlassCheckbox"
                checked={!hidden.has(run.id)}
                onChange={() => toggle(run.id)}
                aria-label={trans.__('Draw %1', run.name)}
              />
              <Swatch style={styleOf(at, isDashed ? null : 0)} />
            </label>
            <RunName run={run} onOpen={onOpenRun} />
            <RunStateBadge status={run.status} trans={trans} />
          </li>
        ))}
      </ul>
    </section>
  );
}
