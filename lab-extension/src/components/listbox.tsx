/**
 * What can be chosen below a field: the list of a combobox, whose focus stays in the field.
 *
 * `useListbox` says which option is meant and what keys do; `Listbox` shows them.
 */
import * as React from 'react';
import '../../style/experiments.css';

/** Which option is meant. */
export interface IListbox {
  readonly active: number | null;
  readonly setActive: (index: number | null) => void;
  /** Do what a key means for the list; answers whether it meant anything. */
  readonly onKey: (key: string) => boolean;
}

interface IListboxUse {
  readonly count: number;
  readonly isOpen: boolean;
  readonly onOpen: (isOpen: boolean) => void;
  readonly onChoose: (index: number) => void;
}

/** The state of a combobox's list. */
export function useListbox({ count, isOpen, onOpen, onChoose }: IListboxUse): IListbox {
  const [wanted, setActive] = React.useState<number | null>(null);
  const active = isOpen && wanted !== null && wanted < count ? wanted : null;
  const move = (step: 1 | -1): void => {
    const from = active ?? (step === 1 ? -1 : count);
    setActive((from + step + count) % count);
  };
  const onKey = (key: string): boolean => {
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      onOpen(true);
      if (isOpen && count > 0) {
        move(key === 'ArrowDown' ? 1 : -1);
      }
      return true;
    }
    if (key === 'Escape' && isOpen) {
      onOpen(false);
      setActive(null);
      return true;
    }
    if ((key === 'Enter' || key === 'Tab') && active !== null) {
      onChoose(active);
      setActive(null);
      return true;
    }
    return false;
  };
  return { active, setActive, onKey };
}

/** Id of an option, for `aria-activedescendant`. */
export function optionId(listId: string, index: number | null): string | undefined {
  return index === null ? undefined : `${listId}-${index}`;
}

interface IListboxProps {
  readonly id: string;
  readonly label: string;
  readonly options: readonly { readonly text: string; readonly note?: string | null }[];
  readonly active: number | null;
  /** The option that holds now; null: none does. */
  readonly current?: number | null;
  readonly onChoose: (index: number) => void;
}

/** The options, one below the other. */
export function Listbox(props: IListboxProps): React.JSX.Element {
  const { id, label, options, active, current = null, onChoose } = props;
  React.useEffect(() => {
    document.getElementById(optionId(id, active) ?? '')?.scrollIntoView({ block: 'nearest' });
  }, [id, active]);
  return (
    <ul className="jp-WindlassListbox" id={id} role="listbox" aria-label={label}>
      {options.map(({ text, note }, index) => (
        <li
          key={`${index}:${text}`}
          id={optionId(id, index)}
          className={`jp-WindlassListbox-option${index === active ? ' jp-mod-active' : ''}`}
          role="option"
          aria-selected={index === (current ?? active)}
          // The field keeps the focus.
          onMouseDown={event => event.preventDefault()}
          onClick={() => onChoose(index)}
        >
          <span className="jp-WindlassListbox-text">{text}</span>
          {note && <span className="jp-WindlassListbox-note">{note}</span>}
        </li>
      ))}
    </ul>
  );
}
