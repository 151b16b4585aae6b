/** The body of the submit dialog: what became of saving, two tabs, and why it cannot be sent. */
import { ReactWidget } from '@jupyterlab/apputils';
import * as React from 'react';
import { Lazily } from '../components/lazily';
import { useSignal } from '../components/useSignal';
import { EstimateLine } from './estimate/line';
import type { ManifestTab } from './manifest/tab';
import type { SubmitModel } from './model';
import { PreviewTab } from './previewTab';
import { RunTab } from './runTab';
import { SaveBanner } from './saveBanner';

/** Id of the sentence that says why it cannot be sent. */
export const OBSTACLE_ID = 'jp-windlass-submit-obstacle';

const ID_PREFIX = 'jp-windlass-submit';

type TabName = 'run' | 'preview' | 'manifest';

const loadManifest = async (): Promise<typeof ManifestTab> => (await import('./manifest/tab')).ManifestTab;

/** The widget that is put into the dialog. */
export class SubmitBody extends ReactWidget {
  constructor(options: SubmitBody.IOptions) {
    super();
    this._options = options;
    this.addClass('jp-WindlassSubmit');
  }

  protected override render(): React.JSX.Element {
    return <Body {...this._options} />;
  }

  private readonly _options: SubmitBody.IOptions;
}

/** A namespace for SubmitBody. */
export namespace SubmitBody {
  /** Options of a SubmitBody. */
  export interface IOptions {
    readonly model: SubmitModel;
    readonly onGoToCell: (cell: number, line: number | null) => void;
  }
}

function Body({ model, onGoToCell }: SubmitBody.IOptions): React.JSX.Element {
  const [chosen, setTab] = React.useState<TabName>('run');
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    model.changed.connect(redraw);
    return () => void model.changed.disconnect(redraw);
  }, [model]);
  const problem = useSignal(model.changed, () => model.submitProblem);
  const { trans } = model;
  const tabs = tabsOf(model);
  const tab = tabs.some(([name]) => name === chosen) ? chosen : 'preview';
  return (
    <>
      <SaveBanner model={model} />
      {problem && (
        <div className="jp-WindlassBanner jp-mod-error" role="alert">
          {problem}
        </div>
      )}
      <Tabs model={model} tabs={tabs} tab={tab} onChoose={setTab} />
      <div
        key={tab}
        className="jp-WindlassSubmit-panel"
        role="tabpanel"
        id={`${ID_PREFIX}-panel`}
        aria-labelledby={`${ID_PREFIX}-tab-${tab}`}
      >
        {tab === 'run' && <RunTab model={model} idPrefix={ID_PREFIX} />}
        {tab === 'preview' && <PreviewTab model={model} onGoToCell={onGoToCell} />}
        {tab === 'manifest' && <Lazily load={loadManifest} props={{ model }} trans={trans} />}
      </div>
      <EstimateLine model={model.estimate} trans={trans} />
      <p id={OBSTACLE_ID} className="jp-WindlassSubmit-obstacle" role="status">
        {model.obstacle ?? ''}
        {model.previewState === 'error' && (
          <button type="button" className="jp-WindlassLink" onClick={() => model.refreshPreview()}>
            {trans.__('Try again')}
          </button>
        )}
      </p>
    </>
  );
}

function tabsOf(model: SubmitModel): (readonly [TabName, string])[] {
  const { preview, trans } = model;
  return [
    ['run', trans.__('Run')],
    ['preview', previewLabel(model)],
    ...(preview && preview.manifests.length > 0 ? [['manifest', trans.__('Manifest')] as const] : [])
  ];
}

interface ITabsProps {
  readonly model: SubmitModel;
  readonly tabs: readonly (readonly [TabName, string])[];
  readonly tab: TabName;
  readonly onChoose: (tab: TabName) => void;
}

function Tabs({ model, tabs, tab, onChoose }: ITabsProps): React.JSX.Element {
  const { trans } = model;
  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? tabs.length - 1 : 0;
    const at = tabs.findIndex(([name]) => name === tab);
    const next = tabs[(at + step) % tabs.length];
    if (step > 0 && next) {
      onChoose(next[0]);
      event.currentTarget.querySelector<HTMLElement>(`#${ID_PREFIX}-tab-${next[0]}`)?.focus();
    }
  };
  return (
    <div className="jp-WindlassTabs" role="tablist" aria-label={trans.__('Submit')} onKeyDown={onKeyDown}>
      {tabs.map(([name, label]) => (
        <button
          key={name}
          id={`${ID_PREFIX}-tab-${name}`}
          type="button"
          role="tab"
          className="jp-WindlassTab"
          aria-selected={name === tab}
          aria-controls={`${ID_PREFIX}-panel`}
          tabIndex={name === tab ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function previewLabel({ preview, trans }: SubmitModel): string {
  const errors = preview?.findings.filter(({ severity }) => severity === 'error').length ?? 0;
  const warnings = preview?.findings.filter(({ severity }) => severity === 'warning').length ?? 0;
  if (errors > 0) {
    return trans._n('Preview (%1 error)', 'Preview (%1 errors)', errors);
  }
  return warnings > 0
    ? trans._n('Preview (%1 warning)', 'Preview (%1 warnings)', warnings)
    : trans.__('Preview');
}
