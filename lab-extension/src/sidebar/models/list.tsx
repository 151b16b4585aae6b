/** The models as rows: name, newest version, and which version each alias is at. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { RegisteredModel } from '../../api/types';
import { CommandIDs } from '../../commands';
import { AliasChip } from '../../components/modelMarks';
import { useRovingRows } from '../../components/rovingRows';

interface IModelsListProps {
  readonly models: readonly RegisteredModel[];
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** Rows of models, by name. */
export function ModelsList({ models, commands, trans }: IModelsListProps): React.JSX.Element {
  const { current, list, onFocus, onKeyDown } = useRovingRows(models.length);
  const open = (name: string): void => void commands.execute(CommandIDs.openModel, { name });
  return (
    <div
      ref={list}
      className="jp-WindlassModels-list"
      role="grid"
      aria-label={trans.__('Models')}
      aria-rowcount={models.length}
      onKeyDown={onKeyDown}
    >
      {models.map((model, index) => (
        <div
          key={model.name}
          className="jp-WindlassModels-row"
          role="row"
          aria-rowindex={index + 1}
          tabIndex={index === current ? 0 : -1}
          onClick={() => open(model.name)}
          onFocus={() => onFocus(index)}
          onKeyDown={event => {
            if (event.key === 'Enter' || event.key === ' ') {
              event.preventDefault();
              open(model.name);
            }
          }}
        >
          <span className="jp-WindlassModels-name" role="gridcell" title={titleOf(model)}>
            {model.name}
          </span>
          <span className="jp-WindlassModels-latest" role="gridcell">
            {model.latest_version === null ? trans.__('no version') : trans.__('v%1', model.latest_version)}
          </span>
          {Object.keys(model.aliases).length > 0 && (
            <span className="jp-WindlassModels-aliases" role="gridcell">
              {Object.entries(model.aliases).map(([alias, version]) => (
                <AliasChip key={alias} alias={alias} version={version} trans={trans} />
              ))}
            </span>
          )}
        </div>
      ))}
    </div>
  );
}

function titleOf({ name, description }: RegisteredModel): string {
  return description ? `${name}\n${description}` : name;
}
