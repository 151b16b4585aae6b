/** What must be known to read the charts right: what is on its way, missing, sampled or left out. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { formatNumber } from '../../../components/numbers';
import type { ILine } from './lines';
import type { CurvesModel } from './model';
import { COLOURS, DISTINCT } from './styles';

interface INotesProps {
  readonly curves: CurvesModel;
  readonly lines: readonly ILine[];
  readonly runCount: number;
  /** Whether dashes tell runs apart, as on charts of one metric. */
  readonly isDashed: boolean;
  readonly trans: TranslationBundle;
}

/** The notes; an element even when there are none, so that they are heard when they come. */
export function Notes(props: INotesProps): React.JSX.Element {
  const { curves, trans } = props;
  return (
    <div className="jp-WindlassCompare-notes" role="status">
      {curves.state === 'error' && (
        <div className="jp-WindlassBanner jp-mod-error">
          <span>{curves.problem}</span>
          <button type="button" className="jp-WindlassLink" onClick={() => curves.retry()}>
            {trans.__('Try again')}
          </button>
        </div>
      )}
      {notesOf(props).map(note => (
        <p key={note} className="jp-WindlassMuted">
          {note}
        </p>
      ))}
    </div>
  );
}

function notesOf({ curves, lines, runCount, isDashed, trans }: INotesProps): string[] {
  const notes: string[] = [];
  if (curves.state === 'coarse' || curves.state === 'loading') {
    const isDrawn = lines.length > 0;
    notes.push(
      isDrawn ? trans.__('A first look; the rest is on its way…') : trans.__('Curves are on their way…')
    );
  }
  const sampled = lines.filter(line => line.isSampled);
  if (sampled.length > 0 && curves.state === 'ready') {
    const longest = sampled.reduce((one, other) => ((other.total ?? 0) > (one.total ?? 0) ? other : one));
    notes.push(
      longest.total === null
        ? trans.__('Long curves are drawn as a sample. Drag over a part to see it in full.')
        : trans.__(
            'Long curves are drawn as a sample, as %1 of %2 points. Drag over a part to see it in full.',
            formatNumber(longest.xs.length),
            formatNumber(longest.total)
          )
    );
  }
  const unshown = lines.reduce((sum, line) => sum + line.unshown, 0);
  if (unshown > 0) {
    notes.push(
      trans._n(
        '%1 value at or below nought has no place on a logarithmic axis.',
        '%1 values at or below nought have no place on a logarithmic axis.',
        unshown
      )
    );
  }
  const distinct = isDashed ? DISTINCT : COLOURS;
  if (runCount > distinct) {
    notes.push(
      trans.__('After %1 runs the looks of lines repeat: point at a line to read its name.', distinct)
    );
  }
  return notes;
}
