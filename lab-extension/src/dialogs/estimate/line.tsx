/** What the job would cost, in a line that stands under all tabs of the submit dialog; its parts on demand. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import '../../../style/costs.css';
import type { CostEstimate } from '../../api/types';
import { Budgets } from '../../components/budgets';
import { CostNotes, CostParts } from '../../components/costParts';
import { formatRate } from '../../components/money';
import { useSignal } from '../../components/useSignal';
import { earlierText, limitText, spotText, unknownText } from './describe';
import type { EstimateModel } from './model';

interface IEstimateLineProps {
  readonly model: EstimateModel;
  readonly trans: TranslationBundle;
}

/** The line, whatever is known. */
export function EstimateLine({ model, trans }: IEstimateLineProps): React.JSX.Element {
  const estimate = useSignal(model.changed, () => model.estimate);
  const state = useSignal(model.changed, () => model.state);
  const problem = useSignal(model.changed, () => model.problem);
  return (
    <section
      className={`jp-WindlassEstimate${state === 'stale' ? ' jp-mod-stale' : ''}`}
      aria-label={trans.__('Cost')}
      aria-busy={state === 'stale' || state === 'loading'}
    >
      {problem !== null && (
        <p className="jp-WindlassEstimate-line" role="status">
          <strong>{trans.__('Cost unknown')}</strong>
          <span>{problem}</span>
          <button type="button" className="jp-WindlassLink" onClick={() => model.again()}>
            {trans.__('Try again')}
          </button>
        </p>
      )}
      {problem === null && !estimate && (
        <p className="jp-WindlassEstimate-line jp-WindlassMuted">
          {trans.__('What it costs is being worked out…')}
        </p>
      )}
      {problem === null && estimate && <Known estimate={estimate} model={model} trans={trans} />}
    </section>
  );
}

interface IKnownProps extends IEstimateLineProps {
  readonly estimate: CostEstimate;
}

function Known({ estimate, model, trans }: IKnownProps): React.JSX.Element {
  const { budgets, notes, parts, refused } = estimate;
  const pressing = budgets.filter(({ state }) => state !== 'ok');
  const calm = budgets.filter(({ state }) => state === 'ok');
  return (
    <>
      <Sentence estimate={estimate} trans={trans} />
      {refused !== null && (
        <div className="jp-WindlassBanner jp-mod-error" role="alert">
          <span>{refused}</span>
          <button type="button" className="jp-WindlassLink" onClick={() => model.again()}>
            {trans.__('Check again')}
          </button>
        </div>
      )}
      {pressing.length > 0 && <Budgets budgets={pressing} trans={trans} />}
      {parts.length + notes.length + calm.length > 0 && (
        <details className="jp-WindlassEstimate-more">
          <summary>{trans.__('How this is counted')}</summary>
          <div className="jp-WindlassEstimate-parts">
            {parts.length > 0 && <CostParts parts={parts} trans={trans} />}
            <CostNotes notes={notes} />
            {calm.length > 0 && <Budgets budgets={calm} trans={trans} />}
          </div>
        </details>
      )}
    </>
  );
}

function Sentence({ estimate, trans }: Omit<IKnownProps, 'model'>): React.JSX.Element {
  const { usd_per_hour: rate, earlier } = estimate;
  const rest = [limitText(estimate, trans), earlierText(earlier, trans), spotText(estimate, trans)];
  return (
    <p className="jp-WindlassEstimate-line" role="status">
      <strong>{rate === null ? trans.__('Cost unknown') : formatRate(rate, trans)}</strong>
      {rate === null && <span>{unknownText(estimate, trans)}</span>}
      {rest
        .filter(text => text !== null)
        .map(text => (
          <span key={text}>{text}</span>
        ))}
    </p>
  );
}
