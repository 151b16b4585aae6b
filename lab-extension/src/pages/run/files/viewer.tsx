/**
 * One file, shown as its kind allows. The server says which kind; nothing in a file is run: text is text, images are
 * images, and a web page stands in a frame that may do nothing.
 */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../../api/errors';
import type { ExperimentsClient } from '../../../api/experiments';
import type { ArtifactTable, ArtifactView } from '../../../api/types';
import { formatBytes } from '../../../components/quantities';
import { StateView } from '../../../components/stateView';
import { useRemote } from '../../../components/useRemote';
import type { IFileRow } from './model';
import { TextView } from './text';

interface IViewerProps {
  readonly client: ExperimentsClient;
  readonly rendermime: IRenderMimeRegistry;
  readonly row: IFileRow;
  readonly runId: string;
  readonly trans: TranslationBundle;
}

/** The file, with its name and the way to save it. */
export function FileViewer(props: IViewerProps): React.JSX.Element {
  const { client, row, runId, trans } = props;
  const place = { path: row.path, model_id: row.root.modelId };
  const view = useRemote(row.key, async () => client.view(runId, place));
  return (
    <>
      <div className="jp-WindlassFiles-head">
        <strong title={row.path}>{row.path}</strong>
        {row.sizeBytes !== null && <span className="jp-WindlassMuted">{formatBytes(row.sizeBytes)}</span>}
        <a className="jp-WindlassButton" href={client.downloadUrl(runId, place)} download={row.label}>
          {trans.__('Download')}
        </a>
      </div>
      {view.problem && (
        <StateView
          kind={view.problem.kind === 'forbidden' ? 'forbidden' : 'error'}
          text={toMessage(view.problem, trans)}
          actions={[{ label: trans.__('Try again'), act: view.again }]}
        />
      )}
      {!view.problem && !view.value && <StateView kind="loading" text={trans.__('Loading…')} />}
      {view.value && <Shown {...props} view={view.value} />}
    </>
  );
}

interface IShownProps extends IViewerProps {
  readonly view: ArtifactView;
}

function Shown(props: IShownProps): React.JSX.Element {
  const { client, trans, view } = props;
  switch (view.kind) {
    case 'text':
    case 'json':
    case 'notebook':
      return <Text {...props} />;
    case 'table':
      return (
        <>
          <Note text={view.message} />
          {view.table && <Table table={view.table} trans={trans} />}
        </>
      );
    case 'image':
      return <Picture client={client} view={view} trans={trans} />;
    case 'html':
      return <Frame client={client} view={view} />;
    case 'none': {
      const text = view.message ?? trans.__('This kind of file cannot be shown. Download it instead.');
      return <StateView kind="empty" text={text} />;
    }
  }
}

function Note({ text }: { text: string | null }): React.JSX.Element | null {
  return text === null ? null : <p className="jp-WindlassFiles-note">{text}</p>;
}

function Text({ rendermime, trans, view }: IShownProps): React.JSX.Element {
  // The server has judged whether it is a notebook; the name does not count.
  const path = view.kind === 'notebook' ? 'notebook.ipynb' : view.path.replace(/\.ipynb$/, '');
  const text = view.text ?? '';
  return <TextView path={path} text={text} note={view.message} rendermime={rendermime} trans={trans} />;
}

/** A web page in a frame to which nothing is allowed: no scripts, no forms, no origin. */
function Frame({ client, view }: Pick<IShownProps, 'client' | 'view'>): React.JSX.Element {
  return (
    <>
      <Note text={view.message} />
      <iframe
        className="jp-WindlassFiles-frame"
        sandbox=""
        referrerPolicy="no-referrer"
        src={client.address(view.raw)}
        title={view.path}
      />
    </>
  );
}

interface IPictureProps {
  readonly client: ExperimentsClient;
  readonly view: ArtifactView;
  readonly trans: TranslationBundle;
}

/** An image, from its bytes: as an image a browser runs nothing in it, whatever it is. */
function Picture({ client, view, trans }: IPictureProps): React.JSX.Element {
  const bytes = useRemote(view.raw, async () => (await client.bytes(view.raw)).blob());
  const [isBroken, setBroken] = React.useState(false);
  const image = React.useRef<HTMLImageElement>(null);
  const blob = bytes.value;
  React.useEffect(() => {
    if (!blob || !image.current) {
      return undefined;
    }
    const url = URL.createObjectURL(new Blob([blob], { type: view.media_type }));
    image.current.src = url;
    return () => URL.revokeObjectURL(url);
  }, [blob, view.media_type]);
  if (bytes.problem || isBroken) {
    const text = bytes.problem
      ? toMessage(bytes.problem, trans)
      : trans.__('This is no image that can be shown.');
    return (
      <StateView kind="error" text={text} actions={[{ label: trans.__('Try again'), act: bytes.again }]} />
    );
  }
  return blob ? (
    <img ref={image} className="jp-WindlassFiles-image" alt={view.path} onError={() => setBroken(true)} />
  ) : (
    <StateView kind="loading" text={trans.__('Loading…')} />
  );
}

function Table({ table, trans }: { table: ArtifactTable; trans: TranslationBundle }): React.JSX.Element {
  return (
    <div className="jp-WindlassFiles-table" tabIndex={0} role="region" aria-label={trans.__('First rows')}>
      <table className="jp-WindlassTable">
        <thead>
          <tr>
            {table.columns.map((column, at) => (
              <th key={at} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((value, at) => (
                <td key={at} className={typeof value === 'number' ? 'jp-mod-number' : undefined}>
                  {typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {table.more && <p className="jp-WindlassFiles-note">{trans.__('There are more rows than these.')}</p>}
    </div>
  );
}
