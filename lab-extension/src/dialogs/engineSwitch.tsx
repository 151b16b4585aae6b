/** Which engine runs the job: on this machine or in a cluster; one that cannot be used says why. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { EngineInfo } from '../api/types';
import { CLUSTER_ENGINE } from '../api/types';
import type { IGroupProps } from './groupProps';

/** Nothing, where there is nothing to choose and nothing amiss. */
export function EngineSwitch({ model, idPrefix }: IGroupProps): React.JSX.Element | null {
  const { trans, form, engine: chosen, errors } = model;
  const engines = model.windlass.info.info?.engines ?? [];
  const missing = engines.filter(({ available }) => !available);
  const isKnown = engines.length === 0 || chosen === null || engines.some(({ name }) => name === chosen);
  if (engines.length < 2 && missing.length === 0 && isKnown && !errors.engine) {
    return null;
  }
  const options = engines.map(engine => ({ ...engine, label: engineName(engine, trans) }));
  if (!isKnown) {
    options.push({ name: form.engine, label: form.engine, available: false } as (typeof options)[number]);
  }
  const id = `${idPrefix}-engine`;
  return (
    <div className="jp-WindlassField jp-mod-wide">
      <span id={id}>{trans.__('Engine')}</span>
      <div
        className="jp-WindlassSwitch"
        role="radiogroup"
        aria-labelledby={id}
        aria-describedby={`${id}-help`}
        aria-invalid={errors.engine ? true : undefined}
      >
        {options.map(({ name, label, available }) => (
          <label key={name} className={`jp-WindlassSwitch-option${name === chosen ? ' jp-mod-chosen' : ''}`}>
            <input
              type="radio"
              name={id}
              checked={name === chosen}
              disabled={!available}
              onChange={() => model.set('engine', name)}
            />
            {label}
          </label>
        ))}
      </div>
      {errors.engine && (
        <div className="jp-WindlassField-error" role="alert">
          {errors.engine}
        </div>
      )}
      <div id={`${id}-help`} className="jp-WindlassField-help">
        {engines
          .filter(({ name, available, message }) => !available || (name === chosen && message))
          .map(engine => (
            <span key={engine.name} className="jp-WindlassField-line">
              {trans.__('%1: %2', engineName(engine, trans), engine.message ?? trans.__('not available'))}
            </span>
          ))}
      </div>
    </div>
  );
}

function engineName({ name, display_name: displayName }: EngineInfo, trans: TranslationBundle): string {
  if (name === CLUSTER_ENGINE) {
    return trans.__('Cluster');
  }
  return name === 'local' ? trans.__('This machine') : displayName;
}
