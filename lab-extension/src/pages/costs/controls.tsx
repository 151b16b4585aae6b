/** The head of the page of costs: grouped by what, of which days, and what can be done. */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import { saveText } from '../job/log/download';
import type { CostBy, CostsPageModel } from './model';
import type { RangeName } from './ranges';
import { rangeNames, rangeProblem } from './ranges';

interface IControlsProps {
  readonly model: CostsPageModel;
}

/** The head. */
export function Controls({ model }: IControlsProps): React.JSX.Element {
  const { by, choices, range, rangeName, windlass } = model;
  const { trans } = windlass;
  return (
    <header className="jp-WindlassJobHeader">
      <div className="jp-WindlassJobHeader-line">
        <h2>{trans.__('Costs')}</h2>
        <Actions model={model} />
      </div>
      <div className="jp-WindlassCostsPage-controls">
        <Choice
          label={trans.__('By')}
          value={by}
          choices={choices.map(choice => [choice, byLabel(choice, trans)] as const)}
          onChoose={choice => model.groupBy(choice)}
        />
        <Choice
          label={trans.__('Days')}
          value={rangeName}
          choices={rangeNames(trans)}
          onChoose={(name: RangeName) => model.choose(name)}
        />
        {rangeName === 'chosen' ? (
          <>
            <Day
              label={trans.__('From')}
              value={range.start}
              onChange={start => model.setDays({ ...range, start })}
            />
            <Day
              label={trans.__('To')}
              value={range.end}
              onChange={end => model.setDays({ ...range, end })}
            />
          </>
        ) : (
          <span className="jp-WindlassMuted">{trans.__('%1 to %2', range.start, range.end)}</span>
        )}
      </div>
    </header>
  );
}

function Actions({ model }: IControlsProps): React.JSX.Element {
  const { by, range, windlass } = model;
  const { trans } = windlass;
  const [isFetching, setFetching] = React.useState(false);
  const download = async (): Promise<void> => {
    setFetching(true);
    try {
      const name = `costs-by-${by}-${range.start}-to-${range.end}.csv`;
      saveText(name, [await model.table()], 'text/csv');
    } catch (error) {
      Notification.error(toMessage(error, trans), { autoClose: 10_000 });
    } finally {
      setFetching(false);
    }
  };
  return (
    <div className="jp-WindlassJobHeader-actions" role="toolbar" aria-label={trans.__('Actions')}>
      <button type="button" className="jp-WindlassButton" onClick={() => model.refresh()}>
        {trans.__('Refresh')}
      </button>
      <button
        type="button"
        className="jp-WindlassButton"
        disabled={isFetching || rangeProblem(range, trans) !== null}
        onClick={() => void download()}
      >
        {trans.__('Download CSV')}
      </button>
    </div>
  );
}

interface IChoiceProps<V extends string> {
  readonly label: string;
  readonly value: V;
  readonly choices: readonly (readonly [V, string])[];
  readonly onChoose: (value: V) => void;
}

function Choice<V extends string>({ label, value, choices, onChoose }: IChoiceProps<V>): React.JSX.Element {
  const id = React.useId();
  return (
    <span className="jp-WindlassCostsPage-control">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="jp-WindlassSelect"
        value={value}
        onChange={event => onChoose(event.target.value as V)}
      >
        {choices.map(([choice, text]) => (
          <option key={choice} value={choice}>
            {text}
          </option>
        ))}
      </select>
    </span>
  );
}

interface IDayProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Day({ label, value, onChange }: IDayProps): React.JSX.Element {
  const id = React.useId();
  return (
    <span className="jp-WindlassCostsPage-control">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="date"
        className="jp-WindlassInput"
        value={value}
        onChange={event => onChange(event.target.value)}
      />
    </span>
  );
}

/** What one row is, as the choice and as the head of the column. */
export function byLabel(by: CostBy, trans: TranslationBundle): string {
  switch (by) {
    case 'job':
      return trans.__('Job');
    case 'experiment':
      return trans.__('Experiment');
    case 'model':
      return trans.__('Model');
    case 'day':
      return trans.__('Day');
    case 'user':
      return trans.__('User');
    case 'group':
      return trans.__('Group');
  }
}
