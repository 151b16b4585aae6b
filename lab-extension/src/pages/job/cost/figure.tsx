/** What a job costs so far, in the head of its page: it grows while the job lives. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Job } from '../../../api/types';
import { isFinal } from '../../../api/types';
import { formatRate, formatUsd } from '../../../components/money';
import { costNow } from '../../../model/costs';
import { useTick } from '../../../sidebar/jobs/useTick';

interface ICostFigureProps {
  readonly job: Job;
  readonly elapsedSeconds: () => number | null;
  readonly onShow: () => void;
  readonly trans: TranslationBundle;
}

/** A button that leads to all that is known about it. */
export function CostFigure({ job, elapsedSeconds, onShow, trans }: ICostFigureProps): React.JSX.Element {
  useTick(!isFinal(job.state) && job.usd_per_hour !== null);
  return (
    <button
      type="button"
      className="jp-WindlassLink jp-WindlassJobHeader-cost"
      title={job.cost_note ?? trans.__('Show what it is made of')}
      onClick={onShow}
    >
      {figureText(job, costNow(job, elapsedSeconds()), trans)}
    </button>
  );
}

/** What it costs in words. */
function figureText(job: Job, usd: number | null, trans: TranslationBundle): string {
  const rate = job.usd_per_hour;
  if (isFinal(job.state)) {
    return usd === null ? trans.__('Cost unknown') : formatUsd(usd);
  }
  if (usd === null) {
    return rate === null ? trans.__('Cost unknown') : trans.__('Cost unknown, %1', formatRate(rate, trans));
  }
  return rate === null || rate === 0
    ? trans.__('%1 so far', formatUsd(usd))
    : trans.__('%1 so far, %2', formatUsd(usd), formatRate(rate, trans));
}
