/**
 * The controls above a log. They show what the log tab says and call it; they hold no state but the text being typed.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretUpIcon, copyIcon, downloadIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/** What the controls show. */
export interface ILogControls {
  readonly worldSize: number;
  readonly rank: number | null;
  readonly needle: string;
  /** Index of the hit one stands on, or -1. */
  readonly currentHit: number;
  readonly hits: number;
  readonly moreHits: boolean;
  readonly wrap: boolean;
  readonly timestamps: boolean;
  /** How much of a download has arrived, 0 to 1; null: there is none. */
  readonly download: number | null;
}

/** What the controls can ask for. */
export interface ILogActions {
  setRank(rank: number | null): void;
  search(needle: string): void;
  step(direction: 1 | -1): void;
  toggle(option: 'wrap' | 'timestamps'): void;
  copy(): void;
  download(): void;
}

interface ILogToolbarProps extends ILogControls {
  readonly actions: ILogActions;
  readonly trans: TranslationBundle;
}

/** The bar of controls. */
export function LogToolbar(props: ILogToolbarProps): React.JSX.Element {
  const { actions, trans } = props;
  return (
    <div className="jp-WindlassLog-controls" role="toolbar" aria-label={trans.__('Output')}>
      {props.worldSize > 1 && <RankChoice {...props} />}
      <SearchBox {...props} />
      <span className="jp-WindlassLog-spring" />
      <Toggle isOn={props.wrap} onToggle={() => actions.toggle('wrap')} title={trans.__('Wrap long lines')}>
        {trans.__('Wrap')}
      </Toggle>
      <Toggle
        isOn={props.timestamps}
        onToggle={() => actions.toggle('timestamps')}
        title={trans.__('Show when each line was written')}
      >
        {trans.__('Times')}
      </Toggle>
      <button
        type="button"
        className="jp-WindlassIconButton"
        title={trans.__('Copy the lines that are loaded')}
        aria-label={trans.__('Copy output')}
        onClick={() => actions.copy()}
      >
        <copyIcon.react tag="span" />
      </button>
      <button
        type="button"
        className="jp-WindlassIconButton"
        title={trans.__('Download the whole output')}
        aria-label={trans.__('Download output')}
        disabled={props.download !== null}
        onClick={() => actions.download()}
      >
        {props.download === null ? (
          <downloadIcon.react tag="span" />
        ) : (
          <span>{trans.__('%1 %', Math.round(props.download * 100))}</span>
        )}
      </button>
    </div>
  );
}

function RankChoice({ worldSize, rank, actions, trans }: ILogToolbarProps): React.JSX.Element {
  return (
    <label className="jp-WindlassLog-rankChoice">
      <span>{trans.__('Rank')}</span>
      <select
        className="jp-WindlassSelect"
        value={rank ?? ''}
        onChange={event => actions.setRank(event.target.value === '' ? null : Number(event.target.value))}
      >
        <option value="">{trans.__('All')}</option>
        {Array.from({ length: worldSize }, (_, index) => (
          <option key={index} value={index}>
            {index}
          </option>
        ))}
      </select>
    </label>
  );
}

function SearchBox(props: ILogToolbarProps): React.JSX.Element {
  const { actions, trans, needle, hits } = props;
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Enter') {
      actions.step(event.shiftKey ? -1 : 1);
    } else if (event.key === 'Escape' && needle) {
      event.stopPropagation();
      actions.search('');
    }
  };
  return (
    <div className="jp-WindlassLog-search" role="search">
      <input
        type="search"
        className="jp-WindlassInput"
        placeholder={trans.__('Search output')}
        aria-label={trans.__('Search output')}
        value={needle}
        onChange={event => actions.search(event.target.value)}
        onKeyDown={onKeyDown}
        spellCheck={false}
      />
      <span className="jp-WindlassLog-hits" role="status">
        {hitCount(props)}
      </span>
      <button
        type="button"
        className="jp-WindlassIconButton"
        title={trans.__('Previous hit (Shift+Enter)')}
        aria-label={trans.__('Previous hit')}
        disabled={hits === 0}
        onClick={() => actions.step(-1)}
      >
        <caretUpIcon.react tag="span" />
      </button>
      <button
        type="button"
        className="jp-WindlassIconButton"
        title={trans.__('Next hit (Enter)')}
        aria-label={trans.__('Next hit')}
        disabled={hits === 0}
        onClick={() => actions.step(1)}
      >
        <caretDownIcon.react tag="span" />
      </button>
    </div>
  );
}

function hitCount({ needle, hits, moreHits, currentHit, trans }: ILogToolbarProps): string {
  if (!needle) {
    return '';
  }
  if (hits === 0) {
    return trans.__('No hits');
  }
  const place = (currentHit + 1).toLocaleString();
  return moreHits
    ? trans.__('%1 of more than %2', place, hits.toLocaleString())
    : trans.__('%1 of %2', place, hits.toLocaleString());
}

interface IToggleProps {
  readonly isOn: boolean;
  readonly title: string;
  readonly onToggle: () => void;
}

function Toggle({
  isOn,
  title,
  onToggle,
  children
}: React.PropsWithChildren<IToggleProps>): React.JSX.Element {
  return (
    <button type="button" className="jp-WindlassToggle" aria-pressed={isOn} title={title} onClick={onToggle}>
      {children}
    </button>
  );
}
