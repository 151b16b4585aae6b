/** The tab of notebooks: that of one run against that of another, cell by cell. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../api/errors';
import type { ExperimentsClient } from '../../api/experiments';
import type { Comparison, Run } from '../../api/types';
import { StateView } from '../../components/stateView';
import { useRemote } from '../../components/useRemote';
import { DiffView } from '../job/diff/view';
import { Toggle } from './curves/toolbar';

interface INotebooksTabProps {
  readonly client: Pick<ExperimentsClient, 'diff'>;
  readonly comparison: Comparison;
  readonly trans: TranslationBundle;
}

/** The tab. */
export function NotebooksTab({ client, comparison, trans }: INotebooksTabProps): React.JSX.Element {
  const [pair, setPair] = React.useState<readonly [string | null, string | null]>([null, null]);
  const [isSplit, setSplit] = React.useState(false);
  const runs = comparison.runs.filter((_, at) => comparison.has_notebooks[at]);
  const then = runs.find(run => run.id === pair[0]) ?? runs[0];
  const now = runs.find(run => run.id === pair[1]) ?? runs.find(run => run !== then);
  if (!then || !now) {
    const text = trans.__(
      'Two runs with a notebook are needed. Runs of jobs that Windlass sent have theirs.'
    );
    return <StateView kind="empty" text={text} />;
  }
  return (
    <div className="jp-WindlassCompare-tab">
      <div className="jp-WindlassCompare-controls">
        <Choice
          label={trans.__('From')}
          runs={runs}
          chosen={then}
          onChoose={id => setPair([id, now.id === id ? then.id : now.id])}
        />
        <Choice
          label={trans.__('To')}
          runs={runs}
          chosen={now}
          onChoose={id => setPair([then.id === id ? now.id : then.id, id])}
        />
        <Toggle isOn={isSplit} onToggle={setSplit} label={trans.__('Side by side')} />
      </div>
      <Difference client={client} then={then} now={now} isSplit={isSplit} trans={trans} />
    </div>
  );
}

interface IChoiceProps {
  readonly label: string;
  readonly runs: readonly Run[];
  readonly chosen: Run;
  readonly onChoose: (id: string) => void;
}

function Choice({ label, runs, chosen, onChoose }: IChoiceProps): React.JSX.Element {
  return (
    <label className="jp-WindlassCompare-control">
      <span>{label}</span>
      <select
        className="jp-WindlassSelect"
        value={chosen.id}
        onChange={event => onChoose(event.target.value)}
      >
        {runs.map(run => (
          <option key={run.id} value={run.id}>
            {run.name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface IDifferenceProps {
  readonly client: Pick<ExperimentsClient, 'diff'>;
  readonly then: Run;
  readonly now: Run;
  readonly isSplit: boolean;
  readonly trans: TranslationBundle;
}

function Difference({ client, then, now, isSplit, trans }: IDifferenceProps): React.JSX.Element {
  const {
    value: diff,
    problem,
    again
  } = useRemote(`${then.id} ${now.id}`, async () => client.diff(then.id, now.id));
  if (problem) {
    const retry = { label: trans.__('Try again'), act: again };
    return <StateView kind="error" text={toMessage(problem, trans)} actions={[retry]} />;
  }
  if (!diff) {
    return <StateView kind="loading" text={trans.__('Loading…')} />;
  }
  if (!diff.exists) {
    return (
      <StateView kind="empty" text={diff.message ?? trans.__('There is no notebook to compare with.')} />
    );
  }
  if (diff.identical) {
    return <StateView kind="empty" text={trans.__('The code of both notebooks is the same.')} />;
  }
  return <DiffView diff={diff} isSplit={isSplit} names={{ then: then.name, now: now.name }} trans={trans} />;
}
