/** Tells screen readers of jobs whose state has changed. */
import React, { useEffect, useRef, useState } from 'react';
import type { JobState } from '../../api/types';
import { stateWord } from '../../components/jobState';
import type { IWindlass } from '../../tokens';

/** A live region that nobody sees. */
export function JobsAnnouncer({ windlass }: { windlass: IWindlass }): React.JSX.Element {
  const { jobs: model, trans } = windlass;
  const [text, setText] = useState('');
  const known = useRef(new Map<string, JobState>());

  useEffect(() => {
    const remember = (): void => {
      known.current = new Map(model.jobs.map(job => [job.id, job.state]));
    };
    const announce = (): void => {
      const changed = model.jobs.filter(job => {
        const before = known.current.get(job.id);
        return before !== undefined && before !== job.state;
      });
      remember();
      if (changed.length > 0) {
        setText(changed.map(job => `${job.name}: ${stateWord(job.state, trans)}`).join('. '));
      }
    };
    remember();
    model.changed.connect(announce);
    return () => void model.changed.disconnect(announce);
  }, [model, trans]);

  return (
    <div className="jp-WindlassUnseen" role="log" aria-live="polite">
      {text}
    </div>
  );
}
