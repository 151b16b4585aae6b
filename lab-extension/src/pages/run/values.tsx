/** Names with values, searchable, a part at a time: a run may have 10,000 metrics. Nothing in them is more than text. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

/** So many are shown at once. */
const MOST_SHOWN = 200;

/** With so many, a search helps. */
const SEARCHED = 12;

/** A longer value is folded. */
const LONGEST_TEXT = 300;

/** A name and its value. */
export interface INamedValue {
  readonly key: string;
  readonly value: string;
  /** For the pointer. */
  readonly title?: string | null;
  /** A third column, where there is one. */
  readonly note?: string | null;
}

interface IValuesProps {
  readonly title: string;
  /** What is said when there are none. */
  readonly nothing: string;
  readonly items: readonly INamedValue[];
  readonly isNumber?: boolean;
  readonly trans: TranslationBundle;
}

/** A section with a table of values. */
export function Values({ title, nothing, items, isNumber = false, trans }: IValuesProps): React.JSX.Element {
  const [text, setText] = React.useState('');
  const [limit, setLimit] = React.useState(MOST_SHOWN);
  const wanted = text.trim().toLowerCase();
  const found = items.filter(({ key }) => key.toLowerCase().includes(wanted));
  return (
    <section className="jp-WindlassRunPage-section">
      <h3>
        {title}
        {items.length > 0 && ` (${items.length.toLocaleString()})`}
      </h3>
      {items.length > SEARCHED && (
        <input
          className="jp-WindlassInput jp-WindlassRunPage-search"
          type="search"
          value={text}
          placeholder={trans.__('Search %1', title.toLowerCase())}
          aria-label={trans.__('Search %1', title.toLowerCase())}
          onChange={event => setText(event.target.value)}
        />
      )}
      {items.length === 0 ? (
        <p className="jp-WindlassMuted">{nothing}</p>
      ) : (
        <table className="jp-WindlassTable">
          <caption className="jp-WindlassUnseen">{title}</caption>
          <tbody>
            {found.slice(0, limit).map(({ key, value, title: whole, note }) => (
              <tr key={key}>
                <th scope="row">
                  <code>{key}</code>
                </th>
                <td className={isNumber ? 'jp-mod-number' : undefined} title={whole ?? undefined}>
                  <LongText text={value} trans={trans} />
                </td>
                {note !== undefined && <td className="jp-WindlassMuted">{note}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {found.length > limit && (
        <button type="button" className="jp-WindlassButton" onClick={() => setLimit(limit + MOST_SHOWN)}>
          {trans.__('Show more: %1 of %2 are shown', limit, found.length)}
        </button>
      )}
    </section>
  );
}

/** A text of which the beginning is shown, and the rest on demand. */
function LongText({ text, trans }: { text: string; trans: TranslationBundle }): React.JSX.Element {
  const [isOpen, setOpen] = React.useState(false);
  if (text.length <= LONGEST_TEXT) {
    return <>{text}</>;
  }
  return (
    <>
      {isOpen ? text : `${text.slice(0, LONGEST_TEXT)}…`}{' '}
      <button
        type="button"
        className="jp-WindlassLink"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {isOpen ? trans.__('Show less') : trans.__('Show all %1 characters', text.length.toLocaleString())}
      </button>
    </>
  );
}
