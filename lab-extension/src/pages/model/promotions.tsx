/** Who moved what, when, from where to where and why; what waits can be answered here. */
import * as React from 'react';
import type { Promotion } from '../../api/types';
import { PromotionBadge, TermsMessage } from '../../components/modelMarks';
import { InsteadOfPages, MorePages, StalePages } from '../../components/pagedStates';
import { formatMoment } from '../../components/quantities';
import { StateView } from '../../components/stateView';
import { useRemote } from '../../components/useRemote';
import type { Decision } from '../../dialogs/models';
import type { ModelPageModel } from './model';

/** The log of a model's promotions. */
export function PromotionLog({ model }: { readonly model: ModelPageModel }): React.JSX.Element {
  const { trans } = model.windlass;
  const { promotions } = model;
  const instead = InsteadOfPages({ list: promotions, loading: trans.__('Loading the log…'), trans });
  return (
    <div className="jp-WindlassPromotions">
      <LogNote model={model} />
      {instead ?? (
        <>
          <StalePages list={promotions} trans={trans} />
          {promotions.items.length === 0 ? (
            <StateView
              kind="empty"
              text={trans.__(
                'Nothing was promoted yet. Choose a version under “Versions”, and press “Promote…”.'
              )}
            />
          ) : (
            <ol className="jp-WindlassPromotions-list" aria-label={trans.__('Promotions')}>
              {promotions.items.map(promotion => (
                <Entry key={promotion.id} promotion={promotion} model={model} />
              ))}
            </ol>
          )}
          <MorePages list={promotions} trans={trans} />
        </>
      )}
    </div>
  );
}

/** Where the log is kept, and what MLflow does not enforce; nothing while that is not known. */
function LogNote({ model }: { readonly model: ModelPageModel }): React.JSX.Element | null {
  const { trans } = model.windlass;
  const { value } = useRemote(
    model.name,
    async () => model.registry.client.terms(model.name),
    model.revision
  );
  if (!value) {
    return null;
  }
  return (
    <>
      <TermsMessage terms={value} />
      {value.log === 'hub' && <p className="jp-WindlassMuted">{trans.__('The hub keeps this log.')}</p>}
      {value.log === 'tags' && !value.message && (
        <p className="jp-WindlassMuted">
          {trans.__('This log is kept as tags of the versions: whoever may write there can change it.')}
        </p>
      )}
    </>
  );
}

interface IEntryProps {
  readonly promotion: Promotion;
  readonly model: ModelPageModel;
}

function Entry({ promotion, model }: IEntryProps): React.JSX.Element {
  const { trans } = model.windlass;
  const { approvals, comment, message, needs, state } = promotion;
  const isWaiting = state === 'waiting';
  return (
    <li className={`jp-WindlassPromotions-entry${isWaiting ? ' jp-mod-waiting' : ''}`}>
      <div className="jp-WindlassPromotions-head">
        <Move promotion={promotion} model={model} />
        <PromotionBadge state={state} trans={trans} />
      </div>
      <p className="jp-WindlassMuted">
        {trans.__('%1, %2', promotion.by, formatMoment(promotion.asked_at))}
        {needs !== null &&
          promotion.ended_at !== null &&
          ` ${trans.__('(ended %1)', formatMoment(promotion.ended_at))}`}
      </p>
      {comment && <p className="jp-WindlassModelPage-text">{comment}</p>}
      {message && <p className="jp-WindlassModelPage-text">{message}</p>}
      {isWaiting && needs && <p>{trans.__('It needs the approval of %1.', needs)}</p>}
      {approvals.length > 0 && (
        <ul className="jp-WindlassPromotions-approvals">
          {approvals.map(approval => (
            <li key={`${approval.by} ${approval.at}`}>
              {approval.approved
                ? trans.__('%1 approved it, %2', approval.by, formatMoment(approval.at))
                : trans.__('%1 refused it, %2', approval.by, formatMoment(approval.at))}
              {approval.comment && `: ${approval.comment}`}
            </li>
          ))}
        </ul>
      )}
      {isWaiting && <Answers promotion={promotion} model={model} />}
    </li>
  );
}

/** `champion: version 3 → version 7`, each version a way to its details. */
function Move({ promotion, model }: IEntryProps): React.JSX.Element {
  const { trans } = model.windlass;
  const what = promotion.alias ?? trans.__('Stage %1', promotion.stage ?? '');
  const version = (number: string | null): React.ReactNode =>
    number ? (
      <button type="button" className="jp-WindlassLink" onClick={() => model.showVersion(number)}>
        {trans.__('version %1', number)}
      </button>
    ) : (
      trans.__('none')
    );
  return (
    <span className="jp-WindlassPromotions-move">
      <strong>{what}</strong> {version(promotion.from_version)} → {version(promotion.to_version)}
    </span>
  );
}

function Answers({ promotion, model }: IEntryProps): React.JSX.Element | null {
  const { trans } = model.windlass;
  const answer = async (decision: Decision): Promise<void> => {
    const { openAnswerDialog } = await import(/* webpackChunkName: "models" */ '../../dialogs/models');
    await openAnswerDialog({ windlass: model.windlass, promotion, decision });
  };
  const what = promotion.alias ?? promotion.stage ?? '';
  const choices: readonly [Decision, boolean, string][] = [
    ['approve', promotion.may_approve, trans.__('Approve…')],
    ['refuse', promotion.may_approve, trans.__('Refuse…')],
    ['withdraw', promotion.may_withdraw, trans.__('Withdraw…')]
  ];
  const offered = choices.filter(([, may]) => may);
  return offered.length === 0 ? null : (
    <div className="jp-WindlassJobHeader-actions">
      {offered.map(([decision, , label]) => (
        <button
          key={decision}
          type="button"
          className={`jp-WindlassButton${decision === 'approve' ? ' jp-mod-primary' : ''}`}
          aria-label={`${label} ${what}`}
          onClick={() => void answer(decision)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
