/** The fields of a promotion, with its rule in words and what it would change. */
import * as React from 'react';
import type { EvaluationResult } from '../../api/types';
import { TermsMessage } from '../../components/modelMarks';
import { formatMoment } from '../../components/quantities';
import { ComparedTable, SchemaChanges, SchemaVerdict } from '../../components/versionDifferences';
import { ChoiceField, TextField } from '../field';
import type { PromoteForm } from './form';
import { OTHER, targetName } from './form';

/** The body of the dialog. */
export function PromoteFields({ form }: { readonly form: PromoteForm }): React.JSX.Element {
  const { quicker, trans } = form;
  return (
    <>
      {quicker && (
        <p className="jp-WindlassBanner" role="status">
          {trans.__('%1 moved it, %2.', quicker.by, formatMoment(quicker.ended_at ?? quicker.asked_at))}{' '}
          {quicker.comment}
        </p>
      )}
      <fieldset className="jp-WindlassGroup">
        <legend>{trans.__('Promotion')}</legend>
        <Target form={form} />
        <TextField
          id="jp-windlass-promote-comment"
          label={trans.__('Why')}
          value={form.comment}
          help={trans.__('Kept in the log, with your name and the time.')}
          error={form.refused.comment}
          rows={2}
          isWide
          onChange={comment => form.setComment(comment)}
        />
      </fieldset>
      <Terms form={form} />
      <Consequences form={form} />
    </>
  );
}

function Target({ form }: { readonly form: PromoteForm }): React.JSX.Element {
  const { terms, trans } = form;
  const choices = form.targets.map(target => ({
    value: target.key,
    label: target.kind === 'alias' ? target.name : trans.__('Stage %1', target.name)
  }));
  const isOther = form.choice === OTHER;
  const error = form.refused.alias ?? form.refused.stage;
  return (
    <>
      <ChoiceField
        id="jp-windlass-promote-target"
        label={trans.__('To')}
        value={form.choice}
        choices={terms?.free ? [...choices, { value: OTHER, label: trans.__('Another alias…') }] : choices}
        help={isOther ? undefined : presentText(form)}
        error={isOther ? undefined : error}
        isWide={!isOther}
        onChange={choice => form.choose(choice)}
      />
      {isOther && (
        <TextField
          id="jp-windlass-promote-alias"
          label={trans.__('Alias')}
          value={form.other}
          help={presentText(form) ?? trans.__('Letters, digits, “_” and “-”.')}
          error={error}
          onChange={other => form.setOther(other)}
        />
      )}
    </>
  );
}

/** Where the chosen target is, and where it goes. */
function presentText(form: PromoteForm): string | undefined {
  const { target, present, trans, version } = form;
  if (!target || present === version) {
    return undefined;
  }
  const name = targetName(target, trans);
  if (present === undefined) {
    return trans.__('Version %1 goes to %2.', version, name);
  }
  return present === null
    ? trans.__('%1 is at no version now. It goes to version %2.', name, version)
    : trans.__('%1 is at version %2 now. It goes to version %3.', name, present, version);
}

/** The rule in words, where the log is, and what else there is to know. */
function Terms({ form }: { readonly form: PromoteForm }): React.JSX.Element | null {
  const { rule, target, terms, trans } = form;
  if (form.loadProblem) {
    return (
      <div className="jp-WindlassBanner jp-mod-error" role="alert">
        <span>{form.loadProblem}</span>
        <button type="button" className="jp-WindlassButton" onClick={() => void form.load()}>
          {trans.__('Try again')}
        </button>
      </div>
    );
  }
  if (!terms) {
    return null;
  }
  const log =
    terms.log === 'hub'
      ? trans.__('The hub keeps the log.')
      : trans.__('The log is kept as tags of the version: whoever may write there can change it.');
  // Where there is something to be told, it says where the log is, too.
  const isTold = terms.log === 'tags' && terms.message !== null;
  return (
    <section className="jp-WindlassSection" aria-live="polite">
      <h3>{trans.__('Rule')}</h3>
      {target && (
        <p>
          {rule === null
            ? trans.__('No approval is needed: %1 moves at once.', targetName(target, trans))
            : trans._n(
                'A member of %2 must approve before %3 moves.',
                '%1 different members of %2 must approve before %3 moves.',
                rule.approvals,
                rule.groups.join(trans.__(' or ')),
                targetName(target, trans)
              )}
        </p>
      )}
      {rule && !rule.enforced && !terms.message && (
        <p>{trans.__('It is protected only as long as everyone goes through Windlass.')}</p>
      )}
      <TermsMessage terms={terms} />
      {!isTold && <p className="jp-WindlassMuted">{log}</p>}
    </section>
  );
}

/** What would change for those who use the target. */
function Consequences({ form }: { readonly form: PromoteForm }): React.JSX.Element | null {
  const { comparison, comparisonProblem, present, target, trans, version } = form;
  if (!target || !present || present === version) {
    return null;
  }
  return (
    <section className="jp-WindlassSection">
      <h3>{trans.__('Against version %1, which is there now', present)}</h3>
      {comparisonProblem && (
        <p className="jp-WindlassMuted">{trans.__('It cannot be compared: %1', comparisonProblem)}</p>
      )}
      {!comparison && !comparisonProblem && (
        <p className="jp-WindlassMuted" role="status">
          {trans.__('Comparing…')}
        </p>
      )}
      {comparison && (
        <>
          <SchemaVerdict comparison={comparison} trans={trans} />
          <SchemaChanges changes={comparison.schema_changes} trans={trans} />
        </>
      )}
      <Evaluated evaluation={form.evaluation} present={present} version={version} trans={trans} />
      {comparison && comparison.metrics.length > 0 && (
        <details open={!isMeasured(form.evaluation, present)}>
          <summary>{trans.__('Metrics that their own runs logged')}</summary>
          <ComparedTable
            caption={trans.__('Metrics of both versions')}
            heads={heads(present, version, trans)}
            rows={comparison.metrics}
            trans={trans}
          />
        </details>
      )}
    </section>
  );
}

interface IEvaluatedProps {
  readonly evaluation: EvaluationResult | null;
  readonly present: string;
  readonly version: string;
  readonly trans: PromoteForm['trans'];
}

/** Both versions on one validation set, where that was done. */
function Evaluated({ evaluation, present, version, trans }: IEvaluatedProps): React.JSX.Element {
  if (evaluation && !evaluation.done) {
    return (
      <p className="jp-WindlassMuted">{trans.__('An evaluation of this version is still under way.')}</p>
    );
  }
  if (!evaluation || !isMeasured(evaluation, present)) {
    return (
      <p className="jp-WindlassMuted">
        {trans.__(
          'Both were not evaluated on one validation set yet: “Evaluate…” on the model’s page does that.'
        )}
      </p>
    );
  }
  return (
    <ComparedTable
      caption={trans.__('Both versions on one validation set')}
      heads={heads(present, version, trans)}
      rows={evaluation.metrics}
      trans={trans}
    />
  );
}

function isMeasured(evaluation: EvaluationResult | null, present: string): boolean {
  return evaluation?.done === true && evaluation.against === present && evaluation.metrics.length > 0;
}

function heads(present: string, version: string, trans: PromoteForm['trans']): [string, string] {
  return [trans.__('Version %1', present), trans.__('Version %1', version)];
}
