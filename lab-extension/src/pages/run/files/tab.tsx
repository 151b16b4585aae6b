/** The tab of files: the tree at the left, the file at the right. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import { StateView } from '../../../components/stateView';
import type { RunPageModel } from '../model';
import type { IFileRow, IRoot } from './model';
import { FilesModel } from './model';
import { FileTree } from './tree';
import { FileViewer } from './viewer';

interface IFilesTabProps {
  readonly model: RunPageModel;
  readonly rendermime: IRenderMimeRegistry;
}

/** The files of a run, and those of the models it made. */
export function FilesTab({ model, rendermime }: IFilesTabProps): React.JSX.Element {
  const { client, runId, windlass } = model;
  const { trans } = windlass;
  const [files] = React.useState(() => new FilesModel({ client, runId, roots: rootsOf(model) }));
  const [chosen, setChosen] = React.useState<IFileRow | null>(null);
  return (
    <div className="jp-WindlassFiles">
      <FileTree model={files} chosen={chosen} onChoose={setChosen} trans={trans} />
      <div className="jp-WindlassFiles-view">
        {chosen ? (
          <FileViewer
            key={chosen.key}
            client={client}
            rendermime={rendermime}
            row={chosen}
            runId={runId}
            trans={trans}
          />
        ) : (
          <StateView kind="empty" text={trans.__('Choose a file to see it.')} />
        )}
      </div>
    </div>
  );
}

function rootsOf({ detail, windlass }: RunPageModel): IRoot[] {
  const { trans } = windlass;
  const models = (detail?.models ?? []).filter(({ model_id: id }) => id !== null);
  return [
    { label: trans.__('Files of the run'), modelId: null },
    ...models.map(({ name, model_id: modelId }) => ({ label: trans.__('Model %1', name), modelId }))
  ];
}
