/** What the charts show, in numbers. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { formatNumber } from '../../../components/numbers';
import type { XAxis } from '../view';
import { axisName, lastOf } from './compose';
import type { IStyledLine } from './drawing';
import type { ILine, Range } from './lines';
import { extentOf, valueAt } from './lines';
import { formatX } from './ticks';

interface ITablesProps {
  readonly lines: readonly IStyledLine[];
  readonly axis: XAxis;
  /** The part in view; null: all. */
  readonly range: Range | null;
  /** Names of runs by id. */
  readonly names: ReadonlyMap<string, string>;
  readonly trans: TranslationBundle;
}

const MOST_SUMMED = 200;
const MOST_COLUMNS = 12;
const PLACES = 25;

/** A line for each curve, and values at some places of the axis. */
export function CurveTables(props: ITablesProps): React.JSX.Element {
  const { lines, trans } = props;
  return (
    <div className="jp-WindlassCompare-tables">
      <Frame label={trans.__('Curves')}>
        <Summary {...props} lines={lines.slice(0, MOST_SUMMED)} />
      </Frame>
      <Rest shown={MOST_SUMMED} of={lines.length} trans={trans} />
      <Frame label={trans.__('Values')}>
        <Values {...props} lines={lines.slice(0, MOST_COLUMNS)} />
      </Frame>
      <Rest shown={MOST_COLUMNS} of={lines.length} trans={trans} />
    </div>
  );
}

function Frame({ label, children }: React.PropsWithChildren<{ label: string }>): React.JSX.Element {
  return (
    <div className="jp-WindlassCompare-scroll" tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  );
}

interface IRestProps {
  readonly shown: number;
  readonly of: number;
  readonly trans: TranslationBundle;
}

function Rest({ shown, of, trans }: IRestProps): React.JSX.Element | null {
  return of > shown ? (
    <p className="jp-WindlassMuted">
      {trans.__('The first %1 of %2 lines. Hide runs, or choose fewer metrics, to see others.', shown, of)}
    </p>
  ) : null;
}

function Summary({ lines, names, trans }: ITablesProps): React.JSX.Element {
  const heads = [
    trans.__('Points'),
    trans.__('First'),
    trans.__('Last'),
    trans.__('Least'),
    trans.__('Greatest')
  ];
  return (
    <table className="jp-WindlassTable">
      <caption className="jp-WindlassUnseen">{trans.__('What each curve does')}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Run')}</th>
          <th scope="col">{trans.__('Metric')}</th>
          {heads.map(head => (
            <th key={head} scope="col" className="jp-mod-number">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {lines.map(line => (
          <tr key={line.key}>
            <th scope="row">{names.get(line.runId) ?? line.runId}</th>
            <td>{line.metric}</td>
            {numbersOf(line).map((number, at) => (
              <td key={at} className="jp-mod-number">
                {number === null ? '–' : formatNumber(number)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** How many points, and the first, last, least and greatest of what was measured. */
function numbersOf(line: ILine): (number | null)[] {
  const ys = line.raw ?? line.ys;
  const values = ys.filter(y => y !== null);
  const count = line.total ?? (line.isSampled ? null : ys.length);
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((greatest, value) => Math.max(greatest, value), -Infinity);
  const has = values.length > 0;
  return [count, values[0] ?? null, lastOf({ ...line, ys }), has ? low : null, has ? high : null];
}

function Values({ lines, axis, range, names, trans }: ITablesProps): React.JSX.Element {
  const places = placesOf(lines, range);
  return (
    <table className="jp-WindlassTable">
      <caption className="jp-WindlassUnseen">{trans.__('Newest values at some places of the axis')}</caption>
      <thead>
        <tr>
          <th scope="col">{axisName(axis, trans)}</th>
          {lines.map(line => (
            <th key={line.key} scope="col" className="jp-mod-number">
              {`${names.get(line.runId) ?? line.runId} · ${line.metric}`}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {places.map(place => (
          <tr key={place}>
            <th scope="row">{formatX(axis, place)}</th>
            {lines.map(line => {
              const value = valueAt(line, place);
              return (
                <td key={line.key} className="jp-mod-number">
                  {value === null ? '–' : formatNumber(value)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Places of points, some of them, evenly from the first to the last in view. */
function placesOf(lines: readonly ILine[], range: Range | null): number[] {
  const extent = range ?? extentOf(lines);
  if (!extent) {
    return [];
  }
  const [from, to] = extent;
  const all = [...new Set(lines.flatMap(line => line.xs.filter(x => x >= from && x <= to)))];
  all.sort((one, other) => one - other);
  const share = Math.max(1, (all.length - 1) / (PLACES - 1));
  const picked = Array.from({ length: Math.min(PLACES, all.length) }, (_, at) => all[Math.round(at * share)]);
  return picked.filter(place => place !== undefined);
}
