/** The filter above the list. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';
import { useSignal } from '../../components/useSignal';
import type { JobFilter } from '../../model/filter';

/** A search field, and the notebook that the list is narrowed to. */
export function JobsFilter({
  filter,
  trans
}: {
  filter: JobFilter;
  trans: TranslationBundle;
}): React.JSX.Element {
  const text = useSignal(filter.changed, () => filter.text);
  const notebook = useSignal(filter.changed, () => filter.notebook);
  return (
    <div className="jp-WindlassJobs-filter">
      <input
        className="jp-WindlassJobs-search"
        type="search"
        value={text}
        placeholder={trans.__('Filter jobs')}
        aria-label={trans.__('Filter jobs by name, notebook, state or experiment')}
        onChange={event => filter.setText(event.target.value)}
      />
      {notebook !== null && (
        <button
          className="jp-WindlassJobs-chip"
          type="button"
          title={trans.__('Show the jobs of all notebooks again')}
          onClick={() => filter.setNotebook(null)}
        >
          <span className="jp-WindlassJobs-chipText">{trans.__('Only %1', notebook)}</span>
          <closeIcon.react tag="span" aria-hidden />
        </button>
      )}
    </div>
  );
}
