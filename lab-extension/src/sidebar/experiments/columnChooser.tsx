/** Which columns are in view: a search among all that are known, and a box to tick at each. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { ColumnList } from '../../api/types';
import { useSignal } from '../../components/useSignal';
import { ATTRIBUTES, columnLabel, columnOf } from '../../model/columns';
import type { RunsModel } from '../../model/runs';

/** So many are listed at once: a run may have 10,000 metrics. */
const MOST_LISTED = 100;

/** So many can be in view. */
const MOST_SHOWN = 100;

interface IChooserProps {
  readonly model: RunsModel;
  readonly onClose: () => void;
  readonly trans: TranslationBundle;
}

/** The choice of columns. */
export function ColumnChooser({ model, onClose, trans }: IChooserProps): React.JSX.Element {
  const known = useSignal(model.changed, () => model.known);
  const columns = useSignal(model.changed, () => model.columns);
  const [text, setText] = React.useState('');
  const field = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => field.current?.focus(), []);
  const found = React.useMemo(
    () => search(text, allColumns(columns, known), trans),
    [text, columns, known, trans]
  );
  const toggle = (id: string): void => {
    const next = columns.includes(id) ? columns.filter(other => other !== id) : [...columns, id];
    model.setView({ columns: next.slice(0, MOST_SHOWN) });
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      onClose();
    }
  };
  return (
    <div className="jp-WindlassChooser" role="dialog" aria-label={trans.__('Columns')} onKeyDown={onKeyDown}>
      <input
        ref={field}
        className="jp-WindlassInput"
        type="search"
        value={text}
        placeholder={trans.__('Search columns')}
        aria-label={trans.__('Search columns')}
        onChange={event => setText(event.target.value)}
      />
      <div className="jp-WindlassChooser-list" role="group" aria-label={trans.__('Columns')}>
        {found.slice(0, MOST_LISTED).map(id => (
          <Item key={id} id={id} isShown={columns.includes(id)} onToggle={() => toggle(id)} trans={trans} />
        ))}
      </div>
      <p className="jp-WindlassPicker-note" role="status">
        {noteOf({ found: found.length, isComplete: known?.complete ?? false, trans })}
      </p>
      <div className="jp-WindlassChooser-foot">
        <button type="button" className="jp-WindlassButton" onClick={() => model.setView({ columns: null })}>
          {trans.__('Reset')}
        </button>
        <button type="button" className="jp-WindlassButton" onClick={onClose}>
          {trans.__('Done')}
        </button>
      </div>
    </div>
  );
}

interface IItemProps {
  readonly id: string;
  readonly isShown: boolean;
  readonly onToggle: () => void;
  readonly trans: TranslationBundle;
}

function Item({ id, isShown, onToggle, trans }: IItemProps): React.JSX.Element {
  return (
    <label className="jp-WindlassChooser-item">
      <input type="checkbox" className="jp-WindlassCheckbox" checked={isShown} onChange={onToggle} />
      <span className="jp-WindlassChooser-name">{columnLabel(id, trans)}</span>
      <span className="jp-WindlassListbox-note">{kindWord(id, trans)}</span>
    </label>
  );
}

/** Every column there is, those in view first. */
function allColumns(columns: readonly string[], known: ColumnList | null): string[] {
  const metrics = (known?.metrics ?? []).map(key => `metrics.${key}`);
  const params = (known?.params ?? []).map(key => `params.${key}`);
  const tags = (known?.tags ?? []).map(key => `tags.${key}`);
  return [...new Set([...columns, ...metrics, ...params, ...ATTRIBUTES, ...tags])];
}

/** The columns that have all words of a text in their names. */
function search(text: string, all: readonly string[], trans: TranslationBundle): string[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(id => {
    const name = `${id} ${columnLabel(id, trans)}`.toLowerCase();
    return words.every(word => name.includes(word));
  });
}

function kindWord(id: string, trans: TranslationBundle): string {
  const words = {
    metrics: trans.__('metric'),
    params: trans.__('parameter'),
    tags: trans.__('tag'),
    attributes: trans.__('run')
  };
  return words[columnOf(id).kind];
}

function noteOf(options: { found: number; isComplete: boolean; trans: TranslationBundle }): string {
  const { found, isComplete, trans } = options;
  if (found === 0) {
    return trans.__('Nothing that was read so far has this in its name.');
  }
  if (found > MOST_LISTED) {
    return trans.__('%1 of %2 are listed. Type more of the name.', MOST_LISTED, found);
  }
  return isComplete ? '' : trans.__('Of the runs that were read so far; others may have more.');
}
