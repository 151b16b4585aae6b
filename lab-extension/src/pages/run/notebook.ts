/** A notebook that is only looked at: the one a run ran, or one among its files. Nothing in it is trusted. */
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Panel } from '@lumino/widgets';
import '../../../style/jobNotebook.css';
import { ExecutedCell } from '../job/notebook/cell';
import { languageOf, readCells } from '../job/notebook/plan';

/** The cells of a notebook, one below the other. */
export class NotebookView extends Panel {
  constructor(options: NotebookView.IOptions) {
    super();
    const { notebook, rendermime, trans } = options;
    this.addClass('jp-WindlassNotebook');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', options.label);
    const list = new Panel();
    list.node.setAttribute('role', 'list');
    const language = languageOf(notebook);
    for (const cell of readCells(notebook)) {
      list.addWidget(new ExecutedCell({ cell, language, rendermime, trans }));
    }
    this.addWidget(list);
  }
}

/** A namespace for `NotebookView` statics. */
export namespace NotebookView {
  /** The options of a `NotebookView`. */
  export interface IOptions {
    /** What a screen reader calls it. */
    label: string;
    notebook: INotebookContent;
    rendermime: IRenderMimeRegistry;
    trans: TranslationBundle;
  }
}
