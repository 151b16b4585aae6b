/** The tags of a model or of a version: added, changed and removed in their place. What they hold is no more than text. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { RegisteredModel } from '../../../api/types';
import { EditForm, useEditing } from './editing';
import { changesOf, type ITagRow, mistakeIn, rowsOf } from './tagRows';

interface ITagsProps {
  /** Whose they are, for people: `version 3`. */
  readonly of: string;
  readonly tags: RegisteredModel['tags'];
  readonly onSave: (changes: Record<string, string | null>) => Promise<unknown>;
  readonly trans: TranslationBundle;
}

/** The tags, or fields to change them. */
export function Tags(props: ITagsProps): React.JSX.Element {
  const { of, tags, trans } = props;
  const { isEditing, button, open, close } = useEditing();
  if (isEditing) {
    return <Editor {...props} onClose={close} />;
  }
  const label = tags.length > 0 ? trans.__('Change tags') : trans.__('Add a tag');
  return (
    <div className="jp-WindlassModelPage-words">
      {tags.length > 0 && (
        <ul className="jp-WindlassModelPage-tags" aria-label={trans.__('Tags of %1', of)}>
          {tags.map(({ key, value }) => (
            <li key={key} title={`${key}: ${value}`}>
              <code>{key}</code> {value}
            </li>
          ))}
        </ul>
      )}
      <button
        ref={button}
        type="button"
        className="jp-WindlassLink"
        aria-label={trans.__('%1 of %2', label, of)}
        onClick={open}
      >
        {label}
      </button>
    </div>
  );
}

function Editor(props: ITagsProps & { readonly onClose: () => void }): React.JSX.Element {
  const { of, onClose, onSave, tags, trans } = props;
  const [rows, setRows] = React.useState(() => rowsOf(tags));
  const group = React.useRef<HTMLDivElement>(null);
  const focusLast = (): void =>
    group.current?.querySelector<HTMLElement>('.jp-mod-new:last-child input')?.focus();
  React.useEffect(focusLast, [rows.length]);
  const change = (at: number, part: Partial<ITagRow>): void =>
    setRows(rows.map((row, index) => (index === at ? { ...row, ...part } : row)));
  return (
    <EditForm
      mistake={mistakeIn(rows, trans)}
      onSave={async () => onSave(changesOf(tags, rows))}
      onClose={onClose}
      trans={trans}
    >
      <div ref={group} role="group" aria-label={trans.__('Tags of %1', of)}>
        {rows.map((row, index) => (
          <Row
            key={row.id}
            row={row}
            onChange={part => change(index, part)}
            onRemove={() => setRows(rows.filter(other => other !== row))}
            trans={trans}
          />
        ))}
      </div>
      <button type="button" className="jp-WindlassLink" onClick={() => setRows([...rows, ...rowsOf([])])}>
        {trans.__('One more tag')}
      </button>
    </EditForm>
  );
}

interface IRowProps {
  readonly row: ITagRow;
  readonly onChange: (part: Partial<ITagRow>) => void;
  readonly onRemove: () => void;
  readonly trans: TranslationBundle;
}

/** A tag's name, which is fixed once it has one, and its value. */
function Row({ row, onChange, onRemove, trans }: IRowProps): React.JSX.Element {
  const name = row.key || trans.__('new tag');
  return (
    <div className={`jp-WindlassModelPage-tagRow${row.isNew ? ' jp-mod-new' : ''}`}>
      {row.isNew ? (
        <input
          className="jp-WindlassInput"
          value={row.key}
          placeholder={trans.__('Name')}
          aria-label={trans.__('Name of the new tag')}
          onChange={event => onChange({ key: event.target.value })}
        />
      ) : (
        <code title={row.key}>{row.key}</code>
      )}
      <input
        className="jp-WindlassInput"
        value={row.value}
        placeholder={trans.__('Value')}
        aria-label={trans.__('Value of %1', name)}
        onChange={event => onChange({ value: event.target.value })}
      />
      <button
        type="button"
        className="jp-WindlassLink"
        aria-label={trans.__('Remove %1', name)}
        onClick={onRemove}
      >
        {trans.__('Remove')}
      </button>
    </div>
  );
}
