/** What the Models section shows: a search, the models, and what is to be known about the list. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Widget } from '@lumino/widgets';
import * as React from 'react';
import '../../../style/components.css';
import '../../../style/controls.css';
import '../../../style/models.css';
import { CommandIDs } from '../../commands';
import { InsteadOfPages, MorePages, StalePages } from '../../components/pagedStates';
import { StateView } from '../../components/stateView';
import { useSignal } from '../../components/useSignal';
import type { ModelsModel } from '../../model/registry';
import { trackingUrl } from '../../model/tracking';
import type { IWindlass } from '../../tokens';
import { ModelsList } from './list';

/** What the section's body is made from. */
export interface IModelsBodyProps {
  readonly commands: CommandRegistry;
  readonly model: ModelsModel;
  readonly windlass: IWindlass;
}

/** The body as a widget. */
export function makeModelsBody(props: IModelsBodyProps): Widget {
  return ReactWidget.create(<ModelsBody {...props} />);
}

/** What is typed is asked for after so long without another key. */
const TYPING_MILLISECONDS = 250;

/** The body of the Models section. */
export function ModelsBody({ commands, model, windlass }: IModelsBodyProps): React.JSX.Element {
  const { trans } = windlass;
  const { list } = model;
  const items = useSignal(list.changed, () => list.items);
  useSignal(list.changed, () => `${list.status} ${list.isLoadingMore} ${list.problem?.message ?? ''}`);
  const [text, setText] = React.useState(model.text);
  React.useEffect(() => {
    const timer = window.setTimeout(() => model.setText(text.trim()), TYPING_MILLISECONDS);
    return () => window.clearTimeout(timer);
  }, [model, text]);
  const instead = InsteadOfPages({ list, loading: trans.__('Loading models…'), trans });
  const isSearched = model.text !== '' || text !== '';
  return (
    <div className="jp-WindlassModels">
      {(isSearched || items.length > 0) && (
        <div className="jp-WindlassModels-filter">
          <input
            className="jp-WindlassInput"
            type="search"
            value={text}
            placeholder={trans.__('Filter models')}
            aria-label={trans.__('Filter models by name')}
            onChange={event => setText(event.target.value)}
          />
        </div>
      )}
      {instead ?? (
        <>
          <StalePages list={list} trans={trans} />
          {items.length > 0 ? (
            <ModelsList models={items} commands={commands} trans={trans} />
          ) : (
            <Empty
              commands={commands}
              isSearched={isSearched}
              onClear={() => setText('')}
              windlass={windlass}
            />
          )}
          <MorePages list={list} trans={trans} />
        </>
      )}
    </div>
  );
}

interface IEmptyProps {
  readonly commands: CommandRegistry;
  readonly isSearched: boolean;
  readonly onClear: () => void;
  readonly windlass: IWindlass;
}

/** No models, or none of that name. */
function Empty({ commands, isSearched, onClear, windlass }: IEmptyProps): React.JSX.Element {
  const { info, trans } = windlass;
  const hasPage = useSignal(info.changed, () => trackingUrl(info.info, window.location) !== null);
  if (isSearched) {
    const clear = { label: trans.__('Show all models'), act: onClear };
    return <StateView kind="empty" text={trans.__('No model has this in its name.')} actions={[clear]} />;
  }
  const open = { label: trans.__('Open MLflow'), act: () => void commands.execute(CommandIDs.openTracking) };
  return (
    <StateView
      kind="empty"
      text={trans.__(
        'No registered models yet. Open a run that logged a model, and press “Register…” there.'
      )}
      actions={hasPage ? [open] : []}
    />
  );
}
