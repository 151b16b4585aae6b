/** Asks for the difference when it is looked at, and shows it in whatever state it is. */
import * as React from 'react';
import { toMessage } from '../../../api/errors';
import type { NotebookDiff } from '../../../api/types';
import { StateView } from '../../../components/stateView';
import type { IWindlass } from '../../../tokens';
import { DiffView } from './view';

interface IDiffTabProps {
  readonly windlass: IWindlass;
  readonly jobId: string;
  readonly notebook: string;
}

type Answer =
  | { readonly kind: 'loading' }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'ready'; readonly diff: NotebookDiff };

/** The tab of the difference. */
export function DiffTab({ windlass, jobId, notebook }: IDiffTabProps): React.JSX.Element {
  const { trans } = windlass;
  const [answer, askAgain] = useDiff(windlass, jobId);
  const [isSplit, setSplit] = React.useState(false);

  if (answer.kind === 'loading') {
    return <StateView kind="loading" text={trans.__('Loading…')} />;
  }
  if (answer.kind === 'error') {
    return (
      <StateView
        kind="error"
        text={answer.message}
        actions={[{ label: trans.__('Try again'), act: askAgain }]}
      />
    );
  }
  const compare = { label: trans.__('Compare again'), act: askAgain };
  if (!answer.diff.exists) {
    const gone = answer.diff.message ?? trans.__('%1 is no longer there.', notebook);
    return <StateView kind="empty" text={gone} actions={[compare]} />;
  }
  if (answer.diff.identical) {
    const same = trans.__('The code of %1 is the same now as when it was sent.', notebook);
    return <StateView kind="empty" text={same} actions={[compare]} />;
  }
  return (
    <div className="jp-WindlassDetails">
      <div className="jp-WindlassDiff-bar">
        <span className="jp-WindlassMuted">{trans.__('As sent, against %1 as saved now', notebook)}</span>
        <button
          type="button"
          className="jp-WindlassToggle"
          aria-pressed={isSplit}
          onClick={() => setSplit(!isSplit)}
        >
          {trans.__('Side by side')}
        </button>
        <button type="button" className="jp-WindlassToggle" onClick={askAgain}>
          {compare.label}
        </button>
      </div>
      <DiffView diff={answer.diff} isSplit={isSplit} trans={trans} />
    </div>
  );
}

/** The server's answer, and a way to ask again. */
function useDiff({ client, trans }: IWindlass, jobId: string): [Answer, () => void] {
  const [answer, setAnswer] = React.useState<Answer>({ kind: 'loading' });
  const [round, askAgain] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    let isWanted = true;
    const set = (next: Answer): void => {
      if (isWanted) {
        setAnswer(next);
      }
    };
    client.diff(jobId).then(
      diff => set({ kind: 'ready', diff }),
      (error: unknown) => set({ kind: 'error', message: toMessage(error, trans) })
    );
    return () => {
      isWanted = false;
    };
  }, [client, jobId, trans, round]);
  return [answer, askAgain];
}
