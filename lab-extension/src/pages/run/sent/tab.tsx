/** The tab that shows exactly what was sent: every file of the bundle, and what is in it. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { toMessage } from '../../../api/errors';
import { formatBytes } from '../../../components/quantities';
import { StateView } from '../../../components/stateView';
import { useRemote } from '../../../components/useRemote';
import { TextView } from '../files/text';
import type { RunPageModel } from '../model';
import type { ISent } from './read';
import { MOST_BYTES, readSent, TooLarge } from './read';
import type { ITarFile } from './tar';

/** So much of a file's text is shown. */
const MOST_TEXT_BYTES = 500_000;

interface ISentTabProps {
  readonly model: RunPageModel;
  readonly rendermime: IRenderMimeRegistry;
}

/** The tab. */
export function SentTab({ model, rendermime }: ISentTabProps): React.JSX.Element {
  const { trans } = model.windlass;
  const sent = useRemote(model.runId, async () => read(model));
  if (sent.problem) {
    const retry = { label: trans.__('Try again'), act: sent.again };
    return <StateView kind="error" text={toMessage(sent.problem, trans)} actions={[retry]} />;
  }
  if (!sent.value) {
    return <StateView kind="loading" text={trans.__('Reading what was sent…')} />;
  }
  const url = model.client.bundleUrl(model.runId);
  return (
    <div className="jp-WindlassFiles">
      <div className="jp-WindlassFiles-side">
        <a className="jp-WindlassButton jp-WindlassFiles-download" href={url} download>
          {trans.__('Download the Bundle')}
        </a>
        {sent.value === 'large' && (
          <p className="jp-WindlassFiles-note">
            {trans.__('It is more than %1: it can only be downloaded.', formatBytes(MOST_BYTES))}
          </p>
        )}
      </div>
      {sent.value !== 'large' && <Contents sent={sent.value} rendermime={rendermime} trans={trans} />}
    </div>
  );
}

async function read({ client, runId }: RunPageModel): Promise<ISent | 'large'> {
  try {
    return await readSent(client, runId);
  } catch (error) {
    if (error instanceof TooLarge) {
      return 'large';
    }
    throw error;
  }
}

interface IContentsProps {
  readonly sent: ISent;
  readonly rendermime: IRenderMimeRegistry;
  readonly trans: TranslationBundle;
}

function Contents({ sent, rendermime, trans }: IContentsProps): React.JSX.Element {
  const [chosen, setChosen] = React.useState(0);
  const file = sent.files[chosen];
  const move = (event: React.KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = Math.max(0, Math.min(sent.files.length - 1, chosen + step));
      setChosen(next);
      const list = event.currentTarget;
      list.querySelectorAll<HTMLElement>('[role="option"]')[next]?.scrollIntoView({ block: 'nearest' });
    }
  };
  return (
    <>
      <div
        className="jp-WindlassFiles-list"
        role="listbox"
        aria-label={trans.__('Files that were sent')}
        aria-activedescendant={`jp-windlass-sent-${chosen}`}
        tabIndex={0}
        onKeyDown={move}
      >
        {sent.files.map(({ path, data }, index) => (
          <div
            key={path}
            id={`jp-windlass-sent-${index}`}
            className={`jp-WindlassFiles-item${index === chosen ? ' jp-mod-chosen' : ''}`}
            role="option"
            aria-selected={index === chosen}
            title={path}
            onClick={() => setChosen(index)}
          >
            <span className="jp-WindlassFiles-name">{path}</span>
            <span className="jp-WindlassMuted">{formatBytes(data.length)}</span>
          </div>
        ))}
      </div>
      <div className="jp-WindlassFiles-view">
        {file && <SentFile key={file.path} file={file} rendermime={rendermime} trans={trans} />}
      </div>
    </>
  );
}

interface ISentFileProps extends Pick<IContentsProps, 'rendermime' | 'trans'> {
  readonly file: ITarFile;
}

function SentFile({ file, rendermime, trans }: ISentFileProps): React.JSX.Element {
  const text = React.useMemo(() => textOf(file.data), [file]);
  if (text === null) {
    return <StateView kind="empty" text={trans.__('This file is no text.')} />;
  }
  const isCut = file.data.length > MOST_TEXT_BYTES;
  const note = isCut ? trans.__('Only the first %1 are shown.', formatBytes(MOST_TEXT_BYTES)) : null;
  return <TextView path={file.path} text={text} note={note} rendermime={rendermime} trans={trans} />;
}

/** The beginning of a file as text; null: it is none. */
function textOf(data: Uint8Array): string | null {
  const head = data.subarray(0, MOST_TEXT_BYTES);
  return head.includes(0) ? null : new TextDecoder().decode(head);
}
