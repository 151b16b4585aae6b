/** What the newest evaluation of a version found, beside the version that it was to be better than. */
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { EvaluationResult } from '../../../api/types';
import { CommandIDs } from '../../../commands';
import { JobStateBadge } from '../../../components/jobState';
import { useRemote } from '../../../components/useRemote';
import { useSignal } from '../../../components/useSignal';
import { ComparedTable } from '../../../components/versionDifferences';
import type { ModelPageModel } from '../model';
import { RemotePart, Section } from '../parts';

interface IEvaluationProps {
  readonly model: ModelPageModel;
  readonly version: string;
  readonly commands: CommandRegistry;
}

/** An evaluation that is under way is asked for again after so long. */
const WAIT_MILLISECONDS = 3000;

/** The newest evaluation. */
export function Evaluation({ model, version, commands }: IEvaluationProps): React.JSX.Element {
  const { trans } = model.windlass;
  const remote = useRemote(
    version,
    async () => model.registry.client.evaluation(model.name, version),
    model.revision
  );
  const { again, problem, value } = remote;
  const isUnderWay = value?.done === false;
  React.useEffect(() => {
    if (!isUnderWay) {
      return undefined;
    }
    const timer = window.setInterval(() => {
      if (!document.hidden) {
        again();
      }
    }, WAIT_MILLISECONDS);
    return () => window.clearInterval(timer);
  }, [again, isUnderWay]);
  const isNone = problem?.status === 404;
  return (
    <Section title={trans.__('Evaluation')}>
      {isNone ? (
        <p className="jp-WindlassMuted">
          {trans.__(
            'Not evaluated yet. “Evaluate…” measures it on a validation set, beside the present champion.'
          )}
        </p>
      ) : (
        <RemotePart remote={remote} loading={trans.__('Loading…')} trans={trans}>
          {result => <Result result={result} model={model} commands={commands} />}
        </RemotePart>
      )}
    </Section>
  );
}

interface IResultProps {
  readonly result: EvaluationResult;
  readonly model: ModelPageModel;
  readonly commands: CommandRegistry;
}

function Result({ result, model, commands }: IResultProps): React.JSX.Element {
  const { jobs, trans } = model.windlass;
  const job = useSignal(jobs.changed, () => jobs.get(result.job_id));
  const present = result.against === null ? trans.__('nothing') : trans.__('Version %1', result.against);
  return (
    <>
      <p className="jp-WindlassModelPage-line" role="status">
        {job && <JobStateBadge state={job.state} trans={trans} />}
        {!result.done && <span>{trans.__('It is under way: the result appears here.')}</span>}
        <button
          type="button"
          className="jp-WindlassLink"
          onClick={() => void commands.execute(CommandIDs.openJob, { id: result.job_id })}
        >
          {trans.__('Open the job')}
        </button>
      </p>
      {result.message && <p className="jp-WindlassBanner jp-mod-warning">{result.message}</p>}
      {result.metrics.length > 0 && (
        <ComparedTable
          caption={trans.__('What the evaluation measured')}
          heads={[present, trans.__('Version %1', result.version)]}
          rows={result.metrics}
          trans={trans}
        />
      )}
    </>
  );
}
