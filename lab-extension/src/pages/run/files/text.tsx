/** A file's text as it is written, or as the notebook that it is. */
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { WidgetHost } from '../../../components/widgetHost';
import { NotebookView } from '../notebook';

interface ITextViewProps {
  readonly path: string;
  readonly text: string;
  /** What is to be known of it: that it was cut. */
  readonly note: string | null;
  readonly rendermime: IRenderMimeRegistry;
  readonly trans: TranslationBundle;
}

/** The text. */
export function TextView({ path, text, note, rendermime, trans }: ITextViewProps): React.JSX.Element {
  const notebook = React.useMemo(() => (path.endsWith('.ipynb') ? notebookIn(text) : null), [path, text]);
  const make = React.useCallback(
    () =>
      new NotebookView({
        label: trans.__('Notebook %1', path),
        notebook: notebook ?? NO_NOTEBOOK,
        rendermime,
        trans
      }),
    [notebook, path, rendermime, trans]
  );
  return (
    <>
      {note && <p className="jp-WindlassFiles-note">{note}</p>}
      {notebook ? (
        <WidgetHost className="jp-WindlassFiles-notebook" make={make} />
      ) : (
        <pre className="jp-WindlassFiles-text" tabIndex={0} aria-label={path}>
          {text}
        </pre>
      )}
    </>
  );
}

const NO_NOTEBOOK: INotebookContent = { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 };

function notebookIn(text: string): INotebookContent | null {
  try {
    const found = JSON.parse(text) as Partial<INotebookContent> | null;
    return Array.isArray(found?.cells) ? { ...NO_NOTEBOOK, ...found } : null;
  } catch {
    return null;
  }
}
