/** How models are marked wherever they are shown: aliases and stages as chips, the state of a promotion. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { checkIcon, circleEmptyIcon, closeIcon, stopIcon, undoIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import '../../style/components.css';
import '../../style/modelMarks.css';
import type { PromotionState, PromotionTerms } from '../api/types';

interface IAliasChipProps {
  readonly alias: string;
  /** The version it is at, where that is not plain from the place. */
  readonly version?: string;
  readonly trans: TranslationBundle;
}

/** An alias, perhaps with the version it is at. */
export function AliasChip({ alias, version, trans }: IAliasChipProps): React.JSX.Element {
  const title =
    version === undefined ? trans.__('Alias %1', alias) : trans.__('Alias %1, at version %2', alias, version);
  return (
    <span className="jp-WindlassChip" title={title}>
      <span className="jp-WindlassChip-text">{alias}</span>
      {version !== undefined && <span className="jp-WindlassChip-aside">{trans.__('v%1', version)}</span>}
    </span>
  );
}

/** A stage, on servers that have them; nothing for a version that is in none. */
export function StageChip({
  stage,
  trans
}: {
  readonly stage: string | null;
  readonly trans: TranslationBundle;
}): React.JSX.Element | null {
  return stage === null || stage === 'None' ? null : (
    <span className="jp-WindlassChip jp-mod-stage" title={trans.__('Stage %1', stage)}>
      <span className="jp-WindlassChip-text">{stage}</span>
    </span>
  );
}

const ICONS: Record<PromotionState, LabIcon> = {
  waiting: circleEmptyIcon,
  done: checkIcon,
  refused: stopIcon,
  withdrawn: undoIcon,
  failed: closeIcon
};

/** Where a promotion stands: icon, word and colour. */
export function PromotionBadge({
  state,
  trans
}: {
  readonly state: PromotionState;
  readonly trans: TranslationBundle;
}): React.JSX.Element {
  const Icon = ICONS[state];
  return (
    <span className={`jp-WindlassJobState jp-mod-promotion-${state}`}>
      <Icon.react className="jp-WindlassJobState-icon" tag="span" aria-hidden />
      <span className="jp-WindlassJobState-word">{promotionWord(state, trans)}</span>
    </span>
  );
}

function promotionWord(state: PromotionState, trans: TranslationBundle): string {
  const words: Record<PromotionState, string> = {
    waiting: trans.__('Waits for approval'),
    done: trans.__('Done'),
    refused: trans.__('Refused'),
    withdrawn: trans.__('Withdrawn'),
    failed: trans.__('Not done')
  };
  return words[state];
}

/** What whoever promotes ought to know, in the server's words: a warning, unless MLflow enforces every rule. */
export function TermsMessage({ terms }: { readonly terms: PromotionTerms }): React.JSX.Element | null {
  const isEnforced = terms.rules.length > 0 && terms.rules.every(({ enforced }) => enforced);
  return terms.message === null ? null : (
    <p className={`jp-WindlassBanner${isEnforced ? '' : ' jp-mod-warning'}`}>{terms.message}</p>
  );
}
