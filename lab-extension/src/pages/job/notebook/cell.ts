/**
 * One cell of the executed notebook: its source, its outputs, and how long it took.
 *
 * Outputs come from a job, not from this user's own hands on this page: they are never trusted, so HTML is sanitised
 * and scripts do not run.
 */
import { SimplifiedOutputArea, OutputAreaModel } from '@jupyterlab/outputarea';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IOutput } from '@jupyterlab/nbformat';
import { Panel, Widget } from '@lumino/widgets';
import { formatSeconds } from '../../../components/quantities';
import type { IShownCell } from './plan';
import { planOutputs } from './plan';

const MOST_OUTPUTS = 500;

/** A cell on the page. */
export class ExecutedCell extends Panel {
  constructor(options: ExecutedCell.IOptions) {
    super();
    this._trans = options.trans;
    this._cell = options.cell;
    this._rendermime = options.rendermime;
    this.addClass('jp-WindlassCell');
    this.addClass(`jp-mod-${options.cell.kind}`);
    this.node.setAttribute('role', 'listitem');
    this._margin = new Widget();
    this._margin.addClass('jp-WindlassCell-margin');
    this.addWidget(this._margin);
    this.addWidget(this._source(options.language));
    this._showOutputs([], options.cell.outputs);
    this._describe(false);
  }

  /** The cell as it is shown. */
  get cell(): IShownCell {
    return this._cell;
  }

  /** Show the same cell as it is now. Nothing that has not changed is touched. */
  refresh(cell: IShownCell, isRunning: boolean): void {
    const before = this._cell;
    this._cell = cell;
    this._showOutputs(before.outputs, cell.outputs);
    this._describe(isRunning);
  }

  private _showOutputs(before: readonly IOutput[], after: readonly IOutput[]): void {
    const change = planOutputs(before, after);
    if (change.kind === 'none') {
      return;
    }
    const model = this._outputs();
    if (change.kind === 'from' && model.length === before.length) {
      after.slice(change.from).forEach((output, at) => {
        if (change.from + at < model.length) {
          model.set(change.from + at, output);
        } else {
          model.add(output);
        }
      });
    }
    if (model.length !== after.length) {
      model.fromJSON([...after]);
    }
  }

  /** The model of the outputs, with an area that shows it, made when there is something to show. */
  private _outputs(): OutputAreaModel {
    if (!this._model) {
      this._model = new OutputAreaModel({ trusted: false });
      const area = new SimplifiedOutputArea({
        model: this._model,
        rendermime: this._rendermime,
        maxNumberOutputs: MOST_OUTPUTS
      });
      area.addClass('jp-WindlassCell-outputs');
      this.addWidget(area);
    }
    return this._model;
  }

  private _source(language: string): Widget {
    const { kind, source } = this._cell;
    if (kind === 'raw') {
      const raw = new Widget({ node: document.createElement('pre') });
      raw.node.textContent = source;
      raw.addClass('jp-WindlassCell-source');
      return raw;
    }
    const renderer = this._rendermime.createRenderer('text/markdown');
    const text = kind === 'code' ? fenced(source, language) : source;
    void renderer.renderModel(
      this._rendermime.createModel({ data: { 'text/markdown': text }, trusted: false })
    );
    renderer.addClass('jp-WindlassCell-source');
    return renderer;
  }

  /** Write into the margin: number, duration or what else became of it. */
  private _describe(isRunning: boolean): void {
    const { executionCount, kind } = this._cell;
    this.toggleClass('jp-mod-running', isRunning);
    this.toggleClass('jp-mod-skipped', this._cell.skipped !== null);
    if (isRunning) {
      this.node.setAttribute('aria-current', 'step');
    } else {
      this.node.removeAttribute('aria-current');
    }
    if (kind !== 'code') {
      return;
    }
    const prompt = document.createElement('span');
    prompt.textContent = isRunning ? '[*]' : `[${executionCount ?? ' '}]`;
    const fate = document.createElement('span');
    fate.className = 'jp-WindlassCell-fate';
    fate.textContent = this._fate(isRunning);
    this._margin.node.replaceChildren(prompt, fate);
  }

  private _fate(isRunning: boolean): string {
    const { startedAt, endedAt, skipped } = this._cell;
    if (isRunning) {
      return this._trans.__('running');
    }
    if (skipped !== null) {
      return this._trans.__('not run');
    }
    return startedAt !== null && endedAt !== null
      ? formatSeconds((endedAt - startedAt) / 1000, this._trans)
      : '';
  }

  override dispose(): void {
    if (!this.isDisposed) {
      super.dispose();
      this._model?.dispose();
    }
  }

  private _cell: IShownCell;
  private readonly _margin: Widget;
  private _model: OutputAreaModel | null = null;
  private readonly _rendermime: IRenderMimeRegistry;
  private readonly _trans: TranslationBundle;
}

/** A namespace for ExecutedCell. */
export namespace ExecutedCell {
  /** Options of an ExecutedCell. */
  export interface IOptions {
    readonly cell: IShownCell;
    readonly language: string;
    readonly rendermime: IRenderMimeRegistry;
    readonly trans: TranslationBundle;
  }
}

/** Code as a block of Markdown, which JupyterLab colours; the fence is longer than any in the code. */
function fenced(source: string, language: string): string {
  const longest = Math.max(2, ...[...source.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${source}\n${fence}`;
}
