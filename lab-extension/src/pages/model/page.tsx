/** What the page of a model shows: its head, and the tab that is chosen. */
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { RegisteredModel } from '../../api/types';
import { AliasChip } from '../../components/modelMarks';
import { InsteadOfPages, MorePages, StalePages } from '../../components/pagedStates';
import { StateView } from '../../components/stateView';
import { panelId, tabId, Tabs } from '../../components/tabs';
import { Differences } from './differences';
import type { ModelPageModel, ModelTabName } from './model';
import { WebLink } from './parts';
import { PromotionLog } from './promotions';
import { VersionDetails } from './version/details';
import { VersionList } from './versions';
import { Description } from './words/description';
import { Tags } from './words/tags';

/** What all parts of the page are made from. */
export interface IModelPageProps {
  readonly model: ModelPageModel;
  readonly commands: CommandRegistry;
}

/** The page. */
export function Page({ model, commands }: IModelPageProps): React.JSX.Element {
  const { trans } = model.windlass;
  const { versions } = model;
  if (versions.status === 'error' && versions.problem?.status === 404) {
    const retry = { label: trans.__('Try again'), act: () => void model.refresh() };
    const text = trans.__('There is no such model. It may have been renamed or deleted.');
    return <StateView kind="empty" text={text} code={model.name} actions={[retry]} />;
  }
  const instead = InsteadOfPages({ list: versions, loading: trans.__('Loading model…'), trans });
  return instead ?? <Loaded model={model} commands={commands} />;
}

function Loaded({ model, commands }: IModelPageProps): React.JSX.Element {
  const { trans } = model.windlass;
  const prefix = `jp-windlass-model-${encodeURIComponent(model.name)}`;
  const tabs: { name: ModelTabName; label: string }[] = [
    { name: 'versions', label: trans.__('Versions') },
    {
      name: 'promotions',
      label:
        model.waiting > 0
          ? trans._n('Promotions (%1 waits)', 'Promotions (%1 wait)', model.waiting)
          : trans.__('Promotions')
    }
  ];
  return (
    <>
      <Header model={model} />
      <StalePages list={model.versions} trans={trans} />
      <Tabs
        idPrefix={prefix}
        label={trans.__('Model')}
        tabs={tabs}
        current={model.tab}
        onChoose={tab => model.showTab(tab)}
      />
      {tabs.map(({ name }) => (
        <div
          key={name}
          id={panelId(prefix, name)}
          className="jp-WindlassModelPage-panel"
          role="tabpanel"
          aria-labelledby={tabId(prefix, name)}
          hidden={name !== model.tab}
        >
          {name === model.tab &&
            (name === 'versions' ? (
              <Versions model={model} commands={commands} />
            ) : (
              <PromotionLog model={model} />
            ))}
        </div>
      ))}
    </>
  );
}

function Header({ model }: { readonly model: ModelPageModel }): React.JSX.Element {
  const { trans } = model.windlass;
  const known = model.model;
  const aliases = Object.entries(known?.aliases ?? {});
  return (
    <header className="jp-WindlassJobHeader">
      <div className="jp-WindlassJobHeader-line">
        <h2 title={model.name}>{model.name}</h2>
        <div className="jp-WindlassJobHeader-actions" role="toolbar" aria-label={trans.__('Actions')}>
          <button
            type="button"
            className="jp-WindlassButton"
            onClick={() => model.registry.notify(model.name)}
          >
            {trans.__('Refresh')}
          </button>
          <WebLink url={known?.url ?? null} label={trans.__('Open in MLflow')} />
        </div>
      </div>
      {aliases.length > 0 ? (
        <div className="jp-WindlassChips">
          {aliases.map(([alias, version]) => (
            <AliasChip key={alias} alias={alias} version={version} trans={trans} />
          ))}
        </div>
      ) : (
        <span className="jp-WindlassMuted">{trans.__('No version has an alias yet.')}</span>
      )}
      {known && <Words model={model} known={known} />}
    </header>
  );
}

interface IWordsProps {
  readonly model: ModelPageModel;
  readonly known: RegisteredModel;
}

/** What people say of the model: its description and its tags. */
function Words({ model, known }: IWordsProps): React.JSX.Element {
  const { registry, windlass } = model;
  const of = windlass.trans.__('the model');
  return (
    <div className="jp-WindlassModelPage-wordsLine">
      <Description
        of={of}
        text={known.description}
        onSave={async description => registry.changeModel(model.name, { description })}
        trans={windlass.trans}
      />
      <Tags
        of={of}
        tags={known.tags}
        onSave={async tags => registry.changeModel(model.name, { tags })}
        trans={windlass.trans}
      />
    </div>
  );
}

function Versions({ model, commands }: IModelPageProps): React.JSX.Element {
  const { trans } = model.windlass;
  const { against, shown, versions } = model;
  if (shown === null) {
    return (
      <StateView
        kind="empty"
        text={trans.__(
          'This model has no versions. Open a run that logged a model, and press “Register…” there.'
        )}
      />
    );
  }
  return (
    <div className="jp-WindlassModelPage-split">
      <div className="jp-WindlassModelPage-list">
        <VersionList model={model} shown={shown} />
        <MorePages list={versions} trans={trans} />
      </div>
      <div className="jp-WindlassModelPage-detail">
        {against === null ? (
          <VersionDetails key={shown} model={model} version={shown} commands={commands} />
        ) : (
          <Differences model={model} candidate={shown} present={against} />
        )}
      </div>
    </div>
  );
}
