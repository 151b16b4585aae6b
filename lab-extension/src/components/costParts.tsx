/** The lines of a calculation of costs, with where each price comes from, and what was noted about it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { CostPart } from '../api/types';
import { formatUsdOrUnknown } from './money';

interface ICostPartsProps {
  readonly parts: readonly CostPart[];
  readonly trans: TranslationBundle;
}

/** The lines as a table. */
export function CostParts({ parts, trans }: ICostPartsProps): React.JSX.Element {
  const label = trans.__('Parts of the price');
  return (
    <div className="jp-WindlassCosts-scroll" tabIndex={0} role="group" aria-label={label}>
      <table className="jp-WindlassTable jp-WindlassCosts-table">
        <caption className="jp-WindlassUnseen">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('What')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Amount')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Each, per hour')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Per hour')}
            </th>
            <th scope="col">{trans.__('Price from')}</th>
          </tr>
        </thead>
        <tbody>
          {parts.map((part, index) => (
            <tr key={index}>
              <th scope="row">{part.what}</th>
              <td className="jp-mod-number">{`${Number(part.amount.toPrecision(4))} ${part.unit}`}</td>
              <td className="jp-mod-number">{formatUsdOrUnknown(part.usd_per_hour, trans)}</td>
              <td className="jp-mod-number">{formatUsdOrUnknown(hourly(part), trans)}</td>
              <td>{part.source}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function hourly({ amount, usd_per_hour: usd }: CostPart): number | null {
  return usd === null ? null : usd * amount;
}

/** What was noted about a calculation; nothing where nothing was. */
export function CostNotes({ notes }: { readonly notes: readonly string[] }): React.JSX.Element | null {
  return notes.length === 0 ? null : (
    <ul className="jp-WindlassNotices jp-WindlassCosts-notes">
      {notes.map(note => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}
