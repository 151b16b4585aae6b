/** The tab of what a job costs: figures, whether something else would do, what each pod took, and at which prices. */
import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import '../../../../style/costs.css';
import { toMessage } from '../../../api/errors';
import type { JobCost } from '../../../api/types';
import { CostNotes, CostParts } from '../../../components/costParts';
import {
  formatGpuHours,
  formatPart,
  formatRate,
  formatUsd,
  formatUsdOrUnknown
} from '../../../components/money';
import { StateView } from '../../../components/stateView';
import { useTick } from '../../../sidebar/jobs/useTick';
import { Advice } from './advice';
import type { JobCostModel } from './model';
import { PodCosts } from './pods';

interface ICostTabProps {
  readonly model: JobCostModel;
  readonly commands: CommandRegistry;
}

/** The tab as a widget. */
export function makeCostTab(props: ICostTabProps): ReactWidget {
  return ReactWidget.create(
    <UseSignal signal={props.model.changed}>{() => <CostTab {...props} />}</UseSignal>
  );
}

/** The tab. */
export function CostTab({ model, commands }: ICostTabProps): React.JSX.Element {
  const { trans } = model.page.windlass;
  const { value: cost, problem } = model.cost;
  const retry = { label: trans.__('Try again'), act: () => void model.refresh() };
  if (!cost) {
    const kind = problem?.kind === 'forbidden' ? 'forbidden' : 'error';
    return problem ? (
      <StateView kind={kind} text={toMessage(problem, trans)} actions={[retry]} />
    ) : (
      <StateView kind="loading" text={trans.__('Loading…')} />
    );
  }
  return (
    <div className="jp-WindlassDetails">
      {problem && (
        <div className="jp-WindlassBanner jp-mod-warning" role="status">
          <span>{trans.__('This was so a while ago. %1', toMessage(problem, trans))}</span>
          <button type="button" className="jp-WindlassLink" onClick={retry.act}>
            {retry.label}
          </button>
        </div>
      )}
      <Figures model={model} cost={cost} />
      <CostNotes notes={cost.notes} />
      <section>
        <h3>{trans.__('Right size')}</h3>
        <AdviceState model={model} commands={commands} />
      </section>
      <section>
        <h3>{trans.__('What it held')}</h3>
        <PodCosts pods={cost.pods} trans={trans} />
      </section>
      {cost.parts.length > 0 && (
        <section>
          <h3>{trans.__('Prices that counted')}</h3>
          <CostParts parts={cost.parts} trans={trans} />
        </section>
      )}
    </div>
  );
}

interface IFiguresProps {
  readonly model: JobCostModel;
  readonly cost: JobCost;
}

/** The sums; those of a job that lives grow each second. */
function Figures({ model, cost }: IFiguresProps): React.JSX.Element {
  const { trans } = model.page.windlass;
  const { live, usd, usd_per_hour: rate } = cost;
  useTick(live && rate !== null);
  const now = usd === null || rate === null ? usd : usd + rate * model.hoursSince;
  const hours = cost.idle_gpu_hours;
  const idle = [
    formatPart(cost.idle_fraction, trans),
    cost.idle_usd === null ? null : formatUsd(cost.idle_usd),
    hours === null ? null : trans.__('%1 GPU hours', formatGpuHours(hours, trans))
  ];
  const figures: readonly (readonly [string, string])[] = [
    [live ? trans.__('Cost so far') : trans.__('Cost'), formatUsdOrUnknown(now, trans)],
    ...(live ? [[trans.__('Cost now'), formatRate(rate, trans)] as const] : []),
    [trans.__('GPU hours'), formatGpuHours(cost.gpu_hours, trans)],
    ...(cost.gpu_hours === 0
      ? []
      : [[trans.__('Held, not used'), idle.filter(text => text !== null).join(' · ')] as const])
  ];
  return (
    <dl className="jp-WindlassCosts-figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function AdviceState({ model, commands }: ICostTabProps): React.JSX.Element {
  const { job, windlass } = model.page;
  const { trans } = windlass;
  const { value: advice, problem } = model.advice;
  if (advice && job) {
    return <Advice advice={advice} commands={commands} job={job} trans={trans} />;
  }
  return (
    <p className="jp-WindlassMuted">
      {problem ? trans.__('There is no advice now: %1', toMessage(problem, trans)) : trans.__('Loading…')}
    </p>
  );
}
