/** A column for each run, a row for each thing; what differs has a sign, not only a colour. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ComparedValue, Run } from '../../../api/types';
import { formatValue } from '../../../components/numbers';
import { shortened } from '../format';
import { RunStateBadge } from '../../../components/runState';
import { RunName } from '../run';
import type { ISection } from './rows';
import { isOther } from './rows';

interface IValueTableProps {
  readonly runs: readonly Run[];
  readonly sections: readonly ISection[];
  readonly onOpenRun: ((id: string) => void) | null;
  readonly trans: TranslationBundle;
}

/** Cells that are rendered at once in a section; more on demand. */
const CELLS_AT_ONCE = 2000;
const FEWEST_ROWS = 30;

/** Longer texts are shown as a beginning that unfolds. */
const MOST_LETTERS = 140;

/** The table. */
export function ValueTable({ runs, sections, onOpenRun, trans }: IValueTableProps): React.JSX.Element {
  return (
    <div
      className="jp-WindlassCompare-scroll jp-mod-tall"
      tabIndex={0}
      role="region"
      aria-label={trans.__('Values side by side')}
    >
      <table className="jp-WindlassTable jp-WindlassValues">
        <caption className="jp-WindlassUnseen">{trans.__('Values side by side')}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Name')}</th>
            {runs.map(run => (
              <th key={run.id} scope="col">
                <RunName run={run} onOpen={onOpenRun} />
                <RunStateBadge status={run.status} trans={trans} />
              </th>
            ))}
          </tr>
        </thead>
        {sections.map(section => (
          <Section key={section.name} section={section} width={runs.length} trans={trans} />
        ))}
      </table>
    </div>
  );
}

interface ISectionProps {
  readonly section: ISection;
  /** How many runs there are. */
  readonly width: number;
  readonly trans: TranslationBundle;
}

function Section({ section, width, trans }: ISectionProps): React.JSX.Element {
  const { name, rows } = section;
  const page = Math.max(FEWEST_ROWS, Math.floor(CELLS_AT_ONCE / width));
  const [shown, setShown] = React.useState(page);
  const rest = rows.length - shown;
  return (
    <tbody>
      <tr className="jp-WindlassValues-section">
        <th scope="rowgroup">{name}</th>
        <td colSpan={width} />
      </tr>
      {rows.slice(0, shown).map(row => (
        <Row key={row.key} row={row} trans={trans} />
      ))}
      {rest > 0 && (
        <tr>
          <td colSpan={width + 1}>
            <button type="button" className="jp-WindlassLink" onClick={() => setShown(shown + page)}>
              {trans.__('Show %1 more of %2', Math.min(page, rest), rest)}
            </button>
          </td>
        </tr>
      )}
    </tbody>
  );
}

function Row({ row, trans }: { row: ComparedValue; trans: TranslationBundle }): React.JSX.Element {
  const { key, values, differs } = row;
  const isSeen = values.some((_, at) => isOther(row, at));
  return (
    <tr className={differs ? 'jp-mod-differs' : undefined}>
      <th scope="row">
        {differs && <Sign label={trans.__('differs:')} />}
        {key}
        {differs && !isSeen && (
          <span className="jp-WindlassMuted"> {trans.__('(differs after what is shown)')}</span>
        )}
      </th>
      {values.map((value, at) => (
        <td
          key={at}
          className={`${typeof value === 'number' ? 'jp-mod-number' : ''}${isOther(row, at) ? ' jp-mod-other' : ''}`}
        >
          {isOther(row, at) && <Sign label={trans.__('other than the first run:')} />}
          {value === null ? (
            <span className="jp-WindlassMuted" aria-label={trans.__('none')}>
              –
            </span>
          ) : (
            <Text text={formatValue(value)} whole={String(value)} trans={trans} />
          )}
        </td>
      ))}
    </tr>
  );
}

function Sign({ label }: { label: string }): React.JSX.Element {
  return (
    <>
      <span className="jp-WindlassValues-sign" aria-hidden>
        ≠
      </span>
      <span className="jp-WindlassUnseen">{label} </span>
    </>
  );
}

interface ITextProps {
  readonly text: string;
  /** With every digit. */
  readonly whole: string;
  readonly trans: TranslationBundle;
}

function Text({ text, whole, trans }: ITextProps): React.JSX.Element {
  const [isOpen, setOpen] = React.useState(false);
  const short = shortened(text, MOST_LETTERS);
  if (short === text) {
    return <span title={whole}>{text}</span>;
  }
  return (
    <span>
      {isOpen ? text : short}{' '}
      <button
        type="button"
        className="jp-WindlassLink"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {isOpen ? trans.__('less') : trans.__('more')}
      </button>
    </span>
  );
}
