/** The tab that sets one number of the runs against another: a metric against the cost, to begin with. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Comparison } from '../../../api/types';
import { StateView } from '../../../components/stateView';
import { Toggle } from '../curves/toolbar';
import type { IQuantity } from '../quantities';
import { axesOf, quantitiesOf } from '../quantities';
import type { ICompareView } from '../view';
import type { IPoint } from './plot';
import { ScatterPlot } from './plot';

interface IScatterTabProps {
  readonly comparison: Comparison;
  readonly value: ICompareView;
  readonly onChange: (change: Partial<ICompareView>) => void;
  readonly onOpenRun: ((id: string) => void) | null;
  readonly trans: TranslationBundle;
}

/** More would make a list that nobody can use; those that differ come first. */
const MOST_LISTED = 1000;

/** The tab. */
export function ScatterTab(props: IScatterTabProps): React.JSX.Element {
  const { comparison, value, onChange, onOpenRun, trans } = props;
  const [isLogX, setLogX] = React.useState(false);
  const [isLogY, setLogY] = React.useState(false);
  const quantities = React.useMemo(() => quantitiesOf(comparison, trans), [comparison, trans]);
  const axes = axesOf(quantities, value.scatterX, value.scatterY);
  if (!axes) {
    return (
      <StateView kind="empty" text={trans.__('These runs have no numbers to set against each other.')} />
    );
  }
  const [x, y] = axes;
  const { points, left } = pointsOf(comparison, x, y, { isLogX, isLogY });
  return (
    <div className="jp-WindlassCompare-tab">
      <div className="jp-WindlassCompare-controls">
        <Choice
          label={trans.__('Across')}
          chosen={x}
          quantities={quantities}
          onChoose={scatterX => onChange({ scatterX })}
          trans={trans}
        />
        <Toggle isOn={isLogX} onToggle={setLogX} label={trans.__('Log scale across')} />
        <Choice
          label={trans.__('Up')}
          chosen={y}
          quantities={quantities}
          onChoose={scatterY => onChange({ scatterY })}
          trans={trans}
        />
        <Toggle isOn={isLogY} onToggle={setLogY} label={trans.__('Log scale up')} />
      </div>
      {x.id !== 'attributes.cost' && !quantities.some(({ id }) => id === 'attributes.cost') && (
        <p className="jp-WindlassMuted">{trans.__('What these runs cost is unknown.')}</p>
      )}
      {points.length > 0 ? (
        <ScatterPlot {...{ points, x, y, isLogX, isLogY, onOpen: onOpenRun, trans }} />
      ) : (
        <StateView kind="empty" text={trans.__('No run has both numbers.')} />
      )}
      {left.length > 0 && (
        <p className="jp-WindlassMuted" role="status">
          {trans.__('Not drawn, for want of a number with a place on both axes: %1', listed(left))}
        </p>
      )}
    </div>
  );
}

interface IChoiceProps {
  readonly label: string;
  readonly chosen: IQuantity;
  readonly quantities: readonly IQuantity[];
  readonly onChoose: (id: string) => void;
  readonly trans: TranslationBundle;
}

function Choice({ label, chosen, quantities, onChoose, trans }: IChoiceProps): React.JSX.Element {
  const groups = [
    { prefix: 'attributes.', title: trans.__('Run') },
    { prefix: 'metrics.', title: trans.__('Metrics') },
    { prefix: 'params.', title: trans.__('Parameters') }
  ];
  const differing = [...quantities].sort((one, other) => Number(varies(other)) - Number(varies(one)));
  const shown = new Set([...differing.slice(0, MOST_LISTED), chosen]);
  return (
    <label className="jp-WindlassCompare-control">
      <span>{label}</span>
      <select
        className="jp-WindlassSelect"
        value={chosen.id}
        onChange={event => onChoose(event.target.value)}
      >
        {groups.map(({ prefix, title }) => (
          <optgroup key={prefix} label={title}>
            {quantities
              .filter(quantity => quantity.id.startsWith(prefix) && shown.has(quantity))
              .map(({ id, label: name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

function varies({ values }: IQuantity): boolean {
  return new Set(values).size > 1;
}

/** The runs that have a place, and the names of those that have none. */
function pointsOf(
  { runs }: Comparison,
  x: IQuantity,
  y: IQuantity,
  { isLogX, isLogY }: { isLogX: boolean; isLogY: boolean }
): { points: IPoint[]; left: string[] } {
  const points: IPoint[] = [];
  const left: string[] = [];
  runs.forEach(({ id, name }, place) => {
    const across = x.values[place] ?? null;
    const up = y.values[place] ?? null;
    const fits = (value: number | null, isLog: boolean): value is number =>
      value !== null && (!isLog || value > 0);
    if (fits(across, isLogX) && fits(up, isLogY)) {
      points.push({ id, name, place, x: across, y: up });
    } else {
      left.push(name);
    }
  });
  return { points, left };
}

function listed(names: readonly string[]): string {
  return names.length > 10 ? `${names.slice(0, 10).join(', ')}, …` : names.join(', ');
}
