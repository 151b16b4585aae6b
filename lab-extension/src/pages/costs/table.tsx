/** What was spent, row by row, with the total; what sums lack is said. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { CostReport, CostRow } from '../../api/types';
import { CommandIDs } from '../../commands';
import { formatGpuHours, formatUsdOrUnknown } from '../../components/money';
import { idleLackText, lackText } from '../../model/costs';
import { byLabel } from './controls';
import type { CostsPageModel } from './model';

interface ICostTableProps {
  readonly report: CostReport;
  readonly model: CostsPageModel;
  readonly commands: CommandRegistry;
}

/** The table. */
export function CostTable({ report, model, commands }: ICostTableProps): React.JSX.Element {
  const { trans } = model.windlass;
  const { by, items, next_cursor: next, total } = report;
  const lacks = [lackText(total, trans), idleLackText(total, trans)].filter(text => text !== null);
  const label = trans.__('Costs');
  return (
    <>
      <div className="jp-WindlassCosts-scroll" tabIndex={0} role="group" aria-label={label}>
        <table className="jp-WindlassTable jp-WindlassCosts-table">
          <caption className="jp-WindlassUnseen">{label}</caption>
          <thead>
            <tr>
              <th scope="col">{byLabel(by, trans)}</th>
              {[
                trans.__('Cost'),
                trans.__('Idle cost'),
                trans.__('GPU hours'),
                trans.__('Idle GPU hours'),
                trans.__('Jobs')
              ].map(name => (
                <th key={name} scope="col" className="jp-mod-number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map(row => (
              <tr key={row.key}>
                <th scope="row">
                  <Name row={row} by={by} commands={commands} trans={trans} />
                </th>
                <Figures row={row} trans={trans} />
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">{trans.__('Total')}</th>
              <Figures row={total} trans={trans} />
            </tr>
          </tfoot>
        </table>
      </div>
      {lacks.length > 0 && (
        <p className="jp-WindlassCostsPage-lacks">
          {trans.__('These sums are of what is known: %1.', lacks.join('; '))}
        </p>
      )}
      {next !== null && (
        <button type="button" className="jp-WindlassButton" onClick={() => model.showMore()}>
          {trans.__('Show more')}
        </button>
      )}
    </>
  );
}

interface IRowProps {
  readonly row: CostRow;
  readonly trans: TranslationBundle;
}

function Figures({ row, trans }: IRowProps): React.JSX.Element {
  return (
    <>
      <td className="jp-mod-number">{formatUsdOrUnknown(row.usd, trans)}</td>
      <td className="jp-mod-number">{formatUsdOrUnknown(row.idle_usd, trans)}</td>
      <td className="jp-mod-number">{formatGpuHours(row.gpu_hours, trans)}</td>
      <td className="jp-mod-number">{formatGpuHours(row.idle_gpu_hours, trans)}</td>
      <td className="jp-mod-number">
        {row.jobs}
        {row.unknown_jobs > 0 && row.jobs > 1 && (
          <span className="jp-WindlassMuted"> {trans.__('(%1 not known)', row.unknown_jobs)}</span>
        )}
      </td>
    </>
  );
}

interface INameProps extends IRowProps {
  readonly by: CostReport['by'];
  readonly commands: CommandRegistry;
}

/** What the row is of; where there is a page of it, the way there. */
function Name({ row, by, commands, trans }: INameProps): React.JSX.Element {
  const { job_id: jobId, key, label, run_id: runId } = row;
  const link = (text: string, command: string, args: Record<string, string>): React.JSX.Element => (
    <button type="button" className="jp-WindlassLink" onClick={() => void commands.execute(command, args)}>
      {text}
    </button>
  );
  if (by === 'model') {
    return link(label, CommandIDs.openModel, { name: key });
  }
  if (jobId === null) {
    return <>{label}</>;
  }
  return (
    <>
      {link(label, CommandIDs.openJob, { id: jobId })}{' '}
      {runId !== null && link(trans.__('run'), CommandIDs.openRun, { id: runId })}
    </>
  );
}
