/** Which experiment is shown: a button with its name, and below it, when pressed, a search among all there are. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import { Listbox, optionId, useListbox } from '../../components/listbox';
import { useSignal } from '../../components/useSignal';
import type { ExperimentsModel } from '../../model/experiments';
import { formatShortMoment } from './describe';

/** The search waits so long for more of a name. */
const SEARCH_MILLISECONDS = 200;

interface IPickerProps {
  readonly model: ExperimentsModel;
  readonly trans: TranslationBundle;
}

/** The choice of an experiment. */
export function ExperimentPicker({ model, trans }: IPickerProps): React.JSX.Element {
  const id = React.useId();
  const current = useSignal(model.changed, () => model.current);
  const [isOpen, setOpen] = React.useState(false);
  const box = React.useRef<HTMLDivElement>(null);
  const button = React.useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useLeaving(box, isOpen, () => setOpen(false));
  return (
    <div ref={box} className="jp-WindlassPicker">
      <button
        ref={button}
        type="button"
        className="jp-WindlassPicker-button"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={trans.__('Experiment: %1', current?.name ?? '')}
        title={current?.name}
        onClick={() => setOpen(!isOpen)}
      >
        <span className="jp-WindlassPicker-name">{current?.name ?? trans.__('Choose an experiment')}</span>
        <caretDownIcon.react tag="span" aria-hidden />
      </button>
      {isOpen && (
        <div className="jp-WindlassPicker-pop" id={id} role="dialog" aria-label={trans.__('Experiments')}>
          <Search id={id} model={model} onDone={close} trans={trans} />
        </div>
      )}
    </div>
  );
}

/**
 * Close what is open when the user goes elsewhere, by pointer or by keys. That the focus is nowhere for a moment, as when
 * JupyterLab moves it, is not going elsewhere.
 */
function useLeaving(box: React.RefObject<HTMLElement>, isOpen: boolean, onLeave: () => void): void {
  React.useEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    const check = (event: Event): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) {
        onLeave();
      }
    };
    document.addEventListener('pointerdown', check, true);
    document.addEventListener('keyup', check, true);
    return () => {
      document.removeEventListener('pointerdown', check, true);
      document.removeEventListener('keyup', check, true);
    };
  });
}

interface ISearchProps extends IPickerProps {
  readonly id: string;
  readonly onDone: () => void;
}

/** The search field and what it finds. */
function Search({ id, model, onDone, trans }: ISearchProps): React.JSX.Element {
  const items = useSignal(model.changed, () => model.items);
  const current = useSignal(model.changed, () => model.current);
  const [text, setText] = React.useState('');
  const field = React.useRef<HTMLInputElement>(null);
  const choose = (index: number): void => {
    const experiment = items[index];
    if (experiment) {
      model.choose(experiment);
      onDone();
    }
  };
  const leave = (isOpen: boolean): void => {
    if (!isOpen) {
      onDone();
    }
  };
  const list = useListbox({ count: items.length, isOpen: true, onOpen: leave, onChoose: choose });
  React.useEffect(() => field.current?.focus(), []);
  useSearch(model, text);
  const at = items.findIndex(item => item.id === current?.id);
  return (
    <>
      <input
        ref={field}
        className="jp-WindlassInput"
        type="text"
        role="combobox"
        autoComplete="off"
        value={text}
        placeholder={trans.__('Search experiments')}
        aria-label={trans.__('Search experiments by name')}
        aria-autocomplete="list"
        aria-expanded={items.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={optionId(`${id}-list`, list.active)}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (list.onKey(event.key)) {
            event.preventDefault();
            event.stopPropagation();
          }
        }}
      />
      <Listbox
        id={`${id}-list`}
        label={trans.__('Experiments')}
        options={items.map(({ name, updated_at: time }) => ({
          text: name,
          note: time && formatShortMoment(time)
        }))}
        active={list.active}
        current={at === -1 ? null : at}
        onChoose={choose}
      />
      <SearchFoot model={model} trans={trans} />
    </>
  );
}

/** Search when the typing rests. */
function useSearch(model: ExperimentsModel, text: string): void {
  React.useEffect(() => {
    const timer = window.setTimeout(() => void model.search(text), text === '' ? 0 : SEARCH_MILLISECONDS);
    return () => window.clearTimeout(timer);
  }, [model, text]);
}

/** Below what was found: that there is more, or nothing, or why. */
function SearchFoot({ model, trans }: IPickerProps): React.JSX.Element {
  const count = useSignal(model.changed, () => model.items.length);
  const problem = useSignal(model.changed, () => model.problem);
  const hasMore = useSignal(model.changed, () => model.hasMore);
  const isLoading = useSignal(model.changed, () => model.isLoading);
  if (problem) {
    return (
      <p className="jp-WindlassFilter-said" role="alert">
        {toMessage(problem, trans)}
      </p>
    );
  }
  const nothing = isLoading ? trans.__('Loading…') : trans.__('No experiment has this in its name.');
  return (
    <>
      <p className="jp-WindlassPicker-note" role="status">
        {count === 0 && nothing}
      </p>
      {hasMore && (
        <button className="jp-WindlassButton" type="button" onClick={() => void model.more()}>
          {trans.__('Show more')}
        </button>
      )}
    </>
  );
}
