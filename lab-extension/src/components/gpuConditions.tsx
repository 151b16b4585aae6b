/** What cannot be known about GPUs, and why, as sentences. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { infoIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { GpuCondition } from '../api/types';

interface IConditionsProps {
  readonly conditions: readonly GpuCondition[];
  readonly trans: TranslationBundle;
}

/** The sentences; an element even when there are none, so that they are heard when they come. */
export function Conditions({ conditions, trans }: IConditionsProps): React.JSX.Element {
  return (
    <div className="jp-WindlassGpuConditions" role="status">
      {conditions.map(({ source, code, message }) => (
        <p key={`${source} ${code} ${message}`}>
          <infoIcon.react className="jp-WindlassGpuConditions-icon" tag="span" aria-hidden />
          <span>
            <strong>{sourceName(source, trans)}</strong> {message}
          </span>
        </p>
      ))}
    </div>
  );
}

function sourceName(source: GpuCondition['source'], trans: TranslationBundle): string {
  const names: Record<GpuCondition['source'], string> = {
    nvml: trans.__('This machine:'),
    dcgm: trans.__('Cluster:'),
    job: trans.__('Job:')
  };
  return names[source];
}
