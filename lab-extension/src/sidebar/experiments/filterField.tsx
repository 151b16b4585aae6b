/**
 * The field of MLflow's filter syntax: what can come next is offered below it, a mistake is underlined where it is.
 *
 * A field cannot underline its own text: behind it lies the same text, unseen, with the mistake marked.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { IListbox } from '../../components/listbox';
import { Listbox, optionId, useListbox } from '../../components/listbox';
import { useSignal } from '../../components/useSignal';
import type { RunFilterModel } from '../../model/runFilter';

interface IFilterFieldProps {
  readonly model: RunFilterModel;
  /** What the server said of the filter in use; null: nothing. */
  readonly refused: string | null;
  readonly trans: TranslationBundle;
}

/** The filter of a list of runs. */
export function FilterField({ model, refused, trans }: IFilterFieldProps): React.JSX.Element {
  const id = React.useId();
  const text = useSignal(model.changed, () => model.text);
  const told = useSignal(model.changed, () => model.problem);
  const completions = useSignal(model.changed, () => model.completions);
  const [isOpen, setOpen] = React.useState(false);
  const input = React.useRef<HTMLInputElement>(null);
  const setCaret = useCaret(input, text);
  const choose = (index: number): void => {
    const completion = completions[index];
    if (completion) {
      setCaret(model.accept(completion));
      setOpen(true);
    }
  };
  const isShown = isOpen && completions.length > 0;
  const list = useListbox({ count: completions.length, isOpen: isShown, onOpen: setOpen, onChoose: choose });
  // While it is offered how a text can go on, that it cannot end there is no news.
  const problem = isShown && told !== null && told.end > text.length ? null : told;
  const said = problem?.message ?? refused;
  return (
    <div className="jp-WindlassFilter">
      <div className={`jp-WindlassFilter-field${said ? ' jp-mod-wrong' : ''}`}>
        <Marks input={input} text={text} problem={problem} />
        <FilterInput
          input={input}
          model={model}
          list={list}
          ids={{ list: isShown ? `${id}-list` : undefined, said: said ? `${id}-said` : undefined }}
          onOpen={setOpen}
          trans={trans}
        />
        {isShown && (
          <Listbox
            id={`${id}-list`}
            label={trans.__('How the filter can go on')}
            options={completions.map(({ label }) => ({ text: label }))}
            active={list.active}
            onChoose={choose}
          />
        )}
      </div>
      {said && (
        <p className="jp-WindlassFilter-said" id={`${id}-said`} role="alert">
          {said}
        </p>
      )}
    </div>
  );
}

/** Put the caret somewhere once the field has its new text. */
function useCaret(input: React.RefObject<HTMLInputElement>, text: string): (caret: number) => void {
  const wanted = React.useRef<number | null>(null);
  React.useLayoutEffect(() => {
    if (wanted.current !== null) {
      input.current?.setSelectionRange(wanted.current, wanted.current);
      wanted.current = null;
    }
  }, [input, text]);
  return caret => {
    wanted.current = caret;
  };
}

interface IFilterInputProps {
  readonly input: React.RefObject<HTMLInputElement>;
  readonly model: RunFilterModel;
  readonly list: IListbox;
  /** Of the list, while it is shown, and of what is said of the text. */
  readonly ids: { readonly list: string | undefined; readonly said: string | undefined };
  readonly onOpen: (isOpen: boolean) => void;
  readonly trans: TranslationBundle;
}

function FilterInput({ input, model, list, ids, onOpen, trans }: IFilterInputProps): React.JSX.Element {
  const text = useSignal(model.changed, () => model.text);
  const onType = ({ currentTarget }: { currentTarget: HTMLInputElement }): void =>
    model.type(currentTarget.value, currentTarget.selectionStart ?? currentTarget.value.length);
  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>): void => {
    if (list.onKey(event.key)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === 'Enter') {
      onOpen(false);
      void model.apply();
    }
  };
  return (
    <input
      ref={input}
      className="jp-WindlassFilter-input"
      type="text"
      role="combobox"
      spellCheck={false}
      autoComplete="off"
      value={text}
      placeholder={trans.__('Filter: metrics.accuracy > 0.9')}
      aria-label={trans.__('Filter runs, in MLflow’s syntax')}
      aria-autocomplete="list"
      aria-expanded={ids.list !== undefined}
      aria-controls={ids.list}
      aria-activedescendant={ids.list && optionId(ids.list, list.active)}
      aria-invalid={ids.said !== undefined}
      aria-describedby={ids.said}
      onChange={event => {
        onOpen(true);
        list.setActive(null);
        onType(event);
      }}
      onSelect={onType}
      onKeyDown={onKeyDown}
      onBlur={() => onOpen(false)}
    />
  );
}

interface IMarksProps {
  readonly input: React.RefObject<HTMLInputElement>;
  readonly text: string;
  readonly problem: RunFilterModel['problem'];
}

/** The text behind the field, with the mistake underlined; it scrolls as the field does. */
function Marks({ input, text, problem }: IMarksProps): React.JSX.Element {
  const marks = React.useRef<HTMLDivElement>(null);
  React.useLayoutEffect(() => {
    const field = input.current;
    const follow = (): void => {
      if (marks.current && field) {
        marks.current.scrollLeft = field.scrollLeft;
      }
    };
    follow();
    field?.addEventListener('scroll', follow, { passive: true });
    return () => field?.removeEventListener('scroll', follow);
  });
  return (
    <div ref={marks} className="jp-WindlassFilter-marks" aria-hidden>
      {problem && (
        <>
          {text.slice(0, problem.start)}
          {/* What is missing at the end is marked where it should stand. */}
          <mark>{text.slice(problem.start, problem.end) || '  '}</mark>
          {text.slice(problem.end)}
        </>
      )}
    </div>
  );
}
