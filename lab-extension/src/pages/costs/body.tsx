/** What the page of costs shows, from top to bottom. */
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import type { CostReport, PriceList } from '../../api/types';
import { Budgets } from '../../components/budgets';
import { StateView } from '../../components/stateView';
import type { IRemote } from '../../components/useRemote';
import { useRemote } from '../../components/useRemote';
import { DayChart } from './chart';
import { Controls } from './controls';
import type { CostsPageModel } from './model';
import { Prices } from './prices';
import { rangeProblem } from './ranges';
import { CostTable } from './table';

interface IBodyProps {
  readonly model: CostsPageModel;
  readonly commands: CommandRegistry;
}

/** More days than these are too narrow to be drawn. */
const MOST_DAYS = 366;

/** The page. */
export function Body({ model, commands }: IBodyProps): React.JSX.Element {
  const { by, client, range, revision, windlass } = model;
  const { trans } = windlass;
  const prices = useRemote('prices', async () => client.prices(), revision);
  const problem = rangeProblem(range, trans);
  return (
    <>
      <Controls model={model} />
      <div className="jp-WindlassCostsPage-body">
        <PriceProblem prices={prices} />
        {problem === null ? (
          <Sums key={`${by} ${range.start} ${range.end}`} model={model} commands={commands} />
        ) : (
          <StateView kind="empty" text={problem} />
        )}
        <BudgetSection model={model} />
        <Prices prices={prices} trans={trans} />
      </div>
    </>
  );
}

/** What is wrong with the configured price book, where everybody sees it. */
function PriceProblem({ prices }: { readonly prices: IRemote<PriceList> }): React.JSX.Element | null {
  const problem = prices.value?.problem ?? null;
  return problem === null ? null : (
    <div className="jp-WindlassBanner jp-mod-error" role="alert">
      <span className="jp-WindlassCostsPage-problem">{problem}</span>
    </div>
  );
}

/** The chart and the table of the range that is chosen. */
function Sums({ model, commands }: IBodyProps): React.JSX.Element {
  const { by, client, limit, range, revision, windlass } = model;
  const { trans } = windlass;
  const report = useRemote(by, async () => client.report({ by, ...range, limit }), revision);
  const days = useRemote(
    'day',
    async () => client.report({ by: 'day', ...range, limit: MOST_DAYS }),
    revision
  );
  const retry = { label: trans.__('Try again'), act: () => model.refresh() };
  const { value, problem } = report;
  if (!value) {
    return problem ? (
      <StateView
        kind={problem.kind === 'forbidden' ? 'forbidden' : 'error'}
        text={toMessage(problem, trans)}
        actions={[retry]}
      />
    ) : (
      <StateView kind="loading" text={trans.__('What was spent is being summed up…')} />
    );
  }
  return (
    <>
      {problem && (
        <div className="jp-WindlassBanner jp-mod-warning" role="status">
          <span>{trans.__('This was so a while ago. %1', toMessage(problem, trans))}</span>
          <button type="button" className="jp-WindlassLink" onClick={retry.act}>
            {retry.label}
          </button>
        </div>
      )}
      {value.items.length === 0 ? (
        <StateView
          kind="empty"
          text={trans.__('Nothing was spent in these days: no job of yours held anything.')}
        />
      ) : (
        <>
          {days.value && <DayChart report={days.value} range={range} trans={trans} />}
          <CostTable report={value} model={model} commands={commands} />
        </>
      )}
      <Source report={value} model={model} />
    </>
  );
}

interface ISourceProps {
  readonly report: CostReport;
  readonly model: CostsPageModel;
}

/** Where the figures come from. */
function Source({ report, model }: ISourceProps): React.JSX.Element {
  const { trans } = model.windlass;
  const source =
    report.source === 'hub'
      ? trans.__('From the hub’s own records of the cluster, by days of UTC.')
      : trans.__('Of your own jobs, as this server counted them, by days of UTC.');
  return <p className="jp-WindlassMuted">{[source, ...report.notes].join(' ')}</p>;
}

/** The budgets that count for this user; nothing where there are none. */
function BudgetSection({ model }: { readonly model: CostsPageModel }): React.JSX.Element | null {
  const { client, revision, windlass } = model;
  const { trans } = windlass;
  const { value, problem } = useRemote('budgets', async () => client.budgets(), revision);
  if (!problem && !value?.items.length) {
    return null;
  }
  return (
    <section>
      <h3>{trans.__('Budgets')}</h3>
      {problem && (
        <p className="jp-WindlassMuted" role="status">
          {trans.__('The budgets cannot be read now: %1', toMessage(problem, trans))}
        </p>
      )}
      {value && <Budgets budgets={value.items} trans={trans} />}
    </section>
  );
}
