/** The prices in force, and where each comes from. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import type { Price, PriceList } from '../../api/types';
import { formatUsd } from '../../components/money';
import type { IRemote } from '../../components/useRemote';

interface IPricesProps {
  readonly prices: IRemote<PriceList>;
  readonly trans: TranslationBundle;
}

/** A list to be opened, with a filter. */
export function Prices({ prices, trans }: IPricesProps): React.JSX.Element {
  const { value, problem } = prices;
  const [filter, setFilter] = React.useState('');
  const items = value?.items ?? [];
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = items.filter(price => words.every(word => searchText(price).includes(word)));
  return (
    <section>
      <h3>{trans.__('Prices in force')}</h3>
      {problem && <p role="status">{toMessage(problem, trans)}</p>}
      {value && items.length === 0 && (
        <p className="jp-WindlassMuted">{trans.__('There are none: nothing has a price.')}</p>
      )}
      {items.length > 0 && (
        <details className="jp-WindlassCostsPage-prices">
          <summary>{trans._n('%1 price', '%1 prices', items.length)}</summary>
          <input
            type="search"
            className="jp-WindlassInput"
            aria-label={trans.__('Filter prices')}
            placeholder={trans.__('Filter')}
            value={filter}
            onChange={event => setFilter(event.target.value)}
          />
          <PriceTable items={shown} trans={trans} />
        </details>
      )}
    </section>
  );
}

interface IPriceTableProps {
  readonly items: readonly Price[];
  readonly trans: TranslationBundle;
}

function PriceTable({ items, trans }: IPriceTableProps): React.JSX.Element {
  const label = trans.__('Prices in force');
  return (
    <div className="jp-WindlassCosts-scroll" tabIndex={0} role="group" aria-label={label}>
      <table className="jp-WindlassTable jp-WindlassCosts-table">
        <caption className="jp-WindlassUnseen">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('What')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Per hour')}
            </th>
            <th scope="col">{trans.__('Capacity')}</th>
            <th scope="col">{trans.__('Region')}</th>
            <th scope="col">{trans.__('Holds')}</th>
            <th scope="col">{trans.__('From')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((price, index) => (
            <tr key={index}>
              <th scope="row">{price.what}</th>
              <td className="jp-mod-number">{formatUsd(price.usd_per_hour)}</td>
              <td>{price.capacity === 'spot' ? trans.__('spot') : trans.__('on demand')}</td>
              <td>{price.region ?? trans.__('any')}</td>
              <td>{validText(price, trans)}</td>
              <td>{price.source}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function validText({ valid_from: from, valid_until: until }: Price, trans: TranslationBundle): string {
  if (from === null) {
    return until === null ? trans.__('always') : trans.__('until %1', until);
  }
  return until === null ? trans.__('since %1', from) : trans.__('%1 to %2', from, until);
}

function searchText({ what, kind, capacity, region, source }: Price): string {
  return [what, kind, capacity, region ?? '', source].join(' ').toLowerCase();
}
