/** Whether something smaller would have held a job, or something larger is needed: with the evidence, and one button. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import '../../../../style/costs.css';
import type { Job, JobAdvice } from '../../../api/types';
import { CommandIDs } from '../../../commands';
import { formatUsd } from '../../../components/money';
import { CostCommandIDs } from '../../../model/costCommands';
import type { Fact } from './evidence';
import { evidenceFacts } from './evidence';

interface IAdviceProps {
  readonly advice: JobAdvice;
  readonly commands: CommandRegistry;
  readonly job: Job;
  readonly trans: TranslationBundle;
}

/** All of it. */
export function Advice(props: IAdviceProps): React.JSX.Element {
  const { advice, trans } = props;
  const { saves_usd_per_hour: saves } = advice;
  const facts: readonly Fact[] = [
    [trans.__('It had'), advice.has],
    [advice.verdict === 'larger' ? trans.__('It needs') : trans.__('Would do'), advice.would_do],
    [trans.__('Profile'), advice.profile],
    [trans.__('Saves'), saves === null ? null : trans.__('%1 an hour', formatUsd(saves))],
    ...evidenceFacts(advice.evidence, trans)
  ];
  return (
    <div className={`jp-WindlassAdvice jp-mod-${advice.verdict}`}>
      <p className="jp-WindlassAdvice-sentence">{advice.sentence}</p>
      <UseAdvice {...props} />
      <dl className="jp-WindlassFactList">
        {facts
          .filter(([, value]) => value !== null)
          .map(([name, value]) => (
            <React.Fragment key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </React.Fragment>
          ))}
      </dl>
      {advice.why_not.length > 0 && (
        <details>
          <summary>
            {advice.verdict === 'larger'
              ? trans.__('Why not something else')
              : trans.__('Why nothing smaller than that')}
          </summary>
          <ul className="jp-WindlassAdvice-why">
            {advice.why_not.map(reason => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

interface IAdviceBannerProps extends IAdviceProps {
  readonly onShow: () => void;
}

/** Advice in one line, for the head of the page; nothing where there is none to follow. */
export function AdviceBanner(props: IAdviceBannerProps): React.JSX.Element | null {
  const { advice, onShow, trans } = props;
  if (advice.verdict !== 'smaller' && advice.verdict !== 'larger') {
    return null;
  }
  const kind = advice.verdict === 'larger' ? ' jp-mod-warning' : '';
  return (
    <section className={`jp-WindlassBanner jp-WindlassAdvice-banner${kind}`} aria-label={trans.__('Advice')}>
      <span>{advice.sentence}</span>
      <UseAdvice {...props} />
      <button type="button" className="jp-WindlassLink" onClick={onShow}>
        {trans.__('Evidence')}
      </button>
    </section>
  );
}

/** The button that sets it for the next run, and then what became of that. */
function UseAdvice({ advice, commands, job, trans }: IAdviceProps): React.JSX.Element | null {
  const [isSet, setSet] = React.useState(false);
  const id = CostCommandIDs.useAdvice;
  const args = { id: job.id };
  if (advice.options === null || !commands.hasCommand(id)) {
    return null;
  }
  return isSet ? (
    <span className="jp-WindlassAdvice-set" role="status">
      {trans.__('Set for the next run.')}{' '}
      <button
        type="button"
        className="jp-WindlassLink"
        onClick={() => void commands.execute(CommandIDs.train, { path: job.notebook })}
      >
        {trans.__('Train Now…')}
      </button>
    </span>
  ) : (
    <button
      type="button"
      className="jp-WindlassButton"
      title={commands.caption(id, args)}
      onClick={() => void commands.execute(id, args).then(done => setSet(done === true))}
    >
      {commands.label(id, args)}
    </button>
  );
}
