/** What each pod of a job held, for how long, and what that cost. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { PodCost } from '../../../api/types';
import { formatDuration } from '../../../components/duration';
import { formatRate, formatUsdOrUnknown } from '../../../components/money';
import { formatMoment } from '../../../components/quantities';

interface IPodCostsProps {
  readonly pods: readonly PodCost[];
  readonly trans: TranslationBundle;
}

/** A table with one row for each. */
export function PodCosts({ pods, trans }: IPodCostsProps): React.JSX.Element {
  if (pods.length === 0) {
    return <p className="jp-WindlassMuted">{trans.__('It has held nothing that is known.')}</p>;
  }
  const label = trans.__('Cost by pod');
  return (
    <div className="jp-WindlassCosts-scroll" tabIndex={0} role="group" aria-label={label}>
      <table className="jp-WindlassTable jp-WindlassCosts-table">
        <caption className="jp-WindlassUnseen">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('What')}</th>
            <th scope="col">{trans.__('Node')}</th>
            <th scope="col">{trans.__('Capacity')}</th>
            <th scope="col">{trans.__('GPUs')}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Held')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Price')}
            </th>
            <th scope="col" className="jp-mod-number">
              {trans.__('Cost')}
            </th>
            <th scope="col">{trans.__('Note')}</th>
          </tr>
        </thead>
        <tbody>
          {pods.map((pod, index) => (
            <PodRow key={index} pod={pod} trans={trans} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface IPodRowProps {
  readonly pod: PodCost;
  readonly trans: TranslationBundle;
}

function PodRow({ pod, trans }: IPodRowProps): React.JSX.Element {
  const node = [pod.node, pod.instance_type].filter(Boolean).join(', ');
  return (
    <tr>
      <th scope="row">{pod.title}</th>
      <td>{node || trans.__('unknown')}</td>
      <td>{capacityText(pod, trans)}</td>
      <td>{gpusText(pod, trans)}</td>
      <td className="jp-mod-number" title={heldTitle(pod, trans)}>
        {heldText(pod, trans)}
      </td>
      <td className="jp-mod-number">{formatRate(pod.usd_per_hour, trans)}</td>
      <td className="jp-mod-number">{formatUsdOrUnknown(pod.usd, trans)}</td>
      <td>{pod.note}</td>
    </tr>
  );
}

function capacityText({ capacity }: PodCost, trans: TranslationBundle): string {
  if (capacity === null) {
    return trans.__('unknown');
  }
  return capacity === 'spot' ? trans.__('spot') : trans.__('on demand');
}

/** Whole cards, a slice counting its part. */
function gpusText({ gpus, gpu_product: product }: PodCost, trans: TranslationBundle): string {
  if (gpus === null) {
    return trans.__('unknown');
  }
  if (gpus === 0) {
    return trans.__('none');
  }
  const count = Number(gpus.toPrecision(3));
  return product === null ? String(count) : trans.__('%1 × %2', count, product);
}

function heldText({ held_from: from, held_until: until }: PodCost, trans: TranslationBundle): string {
  if (from === null) {
    return trans.__('not yet');
  }
  const end = until === null ? Date.now() : Date.parse(until);
  return formatDuration((end - Date.parse(from)) / 1000);
}

function heldTitle({ held_from: from, held_until: until }: PodCost, trans: TranslationBundle): string {
  if (from === null) {
    return '';
  }
  return until === null
    ? trans.__('since %1', formatMoment(from))
    : trans.__('from %1 to %2', formatMoment(from), formatMoment(until));
}
