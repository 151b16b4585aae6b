/** Where a job failed first: which rank, cell and line, with the traceback, and the way there. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { JobError } from '../../api/types';

interface IErrorBoxProps {
  readonly error: JobError;
  readonly onGoToCell: (cell: number, line: number | null) => void;
  readonly trans: TranslationBundle;
}

/** The box under the header of a job that failed. */
export function ErrorBox({ error, onGoToCell, trans }: IErrorBoxProps): React.JSX.Element {
  const { cell, line, ename, evalue, traceback } = error;
  return (
    <section className="jp-WindlassError" aria-label={trans.__('Error')}>
      <div className="jp-WindlassError-head">
        <div className="jp-WindlassError-message">
          <strong>{ename}</strong>
          {evalue && <span>: {evalue}</span>}
          <div className="jp-WindlassMuted">{place(error, trans)}</div>
        </div>
        {cell !== null && (
          <button type="button" className="jp-WindlassButton" onClick={() => onGoToCell(cell, line)}>
            {trans.__('Go to cell')}
          </button>
        )}
      </div>
      {traceback.length > 0 && (
        <details>
          <summary>{trans.__('Traceback')}</summary>
          <pre className="jp-WindlassCode" tabIndex={0}>
            {traceback.join('\n')}
          </pre>
        </details>
      )}
    </section>
  );
}

function place({ rank, cell, line }: JobError, trans: TranslationBundle): string {
  const parts = [
    rank === null ? '' : trans.__('rank %1', rank),
    cell === null ? '' : trans.__('cell %1', cell + 1),
    line === null ? '' : trans.__('line %1', line)
  ];
  return parts.filter(Boolean).join(', ');
}
