/**
 * The executed notebook while it fills: read anew when the server says that it has changed, and changed on the page
 * only where it has.
 */
import type { INotebookContent } from '@jupyterlab/nbformat';
import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';
import * as React from 'react';
import { toMessage, WindlassError } from '../../../api/errors';
import { isFinal } from '../../../api/types';
import { StateView } from '../../../components/stateView';
import type { JobPageModel } from '../model';
import { ExecutedCell } from './cell';
import type { IShownCell } from './plan';
import { isSameCell, languageOf, readCells } from './plan';

/** The notebook is not read more often than this, however often it changes. */
const LEAST_MILLISECONDS = 700;

/** The tab that shows the executed notebook. */
export class NotebookTab extends Panel {
  constructor(options: NotebookTab.IOptions) {
    super();
    this._model = options.model;
    this._rendermime = options.rendermime;
    this.addClass('jp-WindlassNotebook');
    this.node.tabIndex = 0;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this._trans.__('Executed notebook'));
    this._list.node.setAttribute('role', 'list');
    this.addWidget(
      ReactWidget.create(<UseSignal signal={this._noteChanged}>{() => this._renderNote()}</UseSignal>)
    );
    this.addWidget(this._list);
  }

  /** Bring the cell that runs into sight. */
  showRunningCell(): void {
    this._list.node.querySelector('.jp-mod-running')?.scrollIntoView({ block: 'center' });
  }

  override dispose(): void {
    if (!this.isDisposed) {
      window.clearTimeout(this._timer);
      this._follower?.dispose();
      this._model.changed.disconnect(this._onJob, this);
      Signal.clearData(this);
      super.dispose();
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    if (!this._isBegun) {
      this._isBegun = true;
      this._model.changed.connect(this._onJob, this);
      this._follow();
      void this._read();
    }
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    if (this._isMissed) {
      this._schedule();
    }
  }

  private get _trans(): JobPageModel['windlass']['trans'] {
    return this._model.windlass.trans;
  }

  private _follow(): void {
    const follower = this._model.windlass.socket.followNotebook(this._model.jobId);
    follower.changed.connect(this._schedule, this);
    this._follower = follower;
  }

  /** The job has moved on: another cell may run, or none any more. */
  private _onJob(): void {
    const state = this._model.job?.state ?? null;
    if (state !== this._jobState && state !== null && isFinal(state)) {
      this._schedule();
    }
    this._jobState = state;
    this._showRunning();
  }

  /** Read soon, and not while nobody looks. */
  private _schedule(): void {
    if (!this.isVisible) {
      this._isMissed = true;
      return;
    }
    if (this._timer === 0 && !this._isReading) {
      const wait = Math.max(0, this._readAt + this._pause - performance.now());
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this._read();
      }, wait);
    } else {
      this._isMissed = true;
    }
  }

  private async _read(): Promise<void> {
    this._isReading = true;
    this._isMissed = false;
    const began = performance.now();
    try {
      const notebook = await this._model.windlass.client.notebook(this._model.jobId);
      this._problem = null;
      this._show(notebook);
    } catch (error) {
      this._problem = error;
    }
    if (!this.isDisposed) {
      this._rest(performance.now() - began);
    }
  }

  /** After a reading: wait before the next one, the longer the longer it took. */
  private _rest(milliseconds: number): void {
    this._isReading = false;
    this._readAt = performance.now();
    this._pause = Math.max(LEAST_MILLISECONDS, 3 * milliseconds);
    this._noteChanged.emit();
    if (this._isMissed) {
      this._schedule();
    }
  }

  private _show(notebook: INotebookContent): void {
    if (this.isDisposed) {
      return;
    }
    const cells = readCells(notebook);
    const language = languageOf(notebook);
    const running = this._running(cells);
    cells.forEach((cell, index) => {
      const shown = this._cells[index];
      if (shown && isSameCell(shown.cell, cell)) {
        shown.refresh(cell, cell === running);
        return;
      }
      const made = new ExecutedCell({ cell, language, rendermime: this._rendermime, trans: this._trans });
      made.refresh(cell, cell === running);
      shown?.dispose();
      this._cells[index] = made;
      this._list.insertWidget(index, made);
    });
    this._cells.splice(cells.length).forEach(cell => cell.dispose());
  }

  private _showRunning(): void {
    const running = this._running(this._cells.map(({ cell }) => cell));
    this._cells.forEach(shown => shown.refresh(shown.cell, shown.cell === running));
  }

  /** The cell that has begun and not ended, while the job runs. */
  private _running(cells: readonly IShownCell[]): IShownCell | null {
    const state = this._model.job?.state;
    const isLive = state === 'running' || state === 'restarting';
    const begun = cells.find(cell => cell.startedAt !== null && cell.endedAt === null);
    return isLive ? (begun ?? null) : null;
  }

  private _renderNote(): React.JSX.Element | null {
    const problem = this._problem;
    const isMissing = problem instanceof WindlassError && problem.status === 404;
    const retry = { label: this._trans.__('Try again'), act: () => void this._read() };
    if (problem !== null && !isMissing) {
      return <StateView kind="error" text={toMessage(problem, this._trans)} actions={[retry]} />;
    }
    if (this._cells.length > 0) {
      return null;
    }
    return <StateView {...this._emptyState(isMissing)} />;
  }

  private _emptyState(isMissing: boolean): StateView.IProps {
    if (!isMissing && this._readAt === 0) {
      return { kind: 'loading', text: this._trans.__('Loading…') };
    }
    const isOver = this._model.job !== null && isFinal(this._model.job.state);
    return {
      kind: 'empty',
      text: isOver
        ? this._trans.__('This job ended before it ran a cell.')
        : this._trans.__('No cell has run yet. The notebook fills here as the job runs it.')
    };
  }

  private readonly _cells: ExecutedCell[] = [];
  private _follower: IDisposable | null = null;
  private _isBegun = false;
  private _isMissed = false;
  private _isReading = false;
  private _jobState: string | null = null;
  private readonly _list = new Panel();
  private readonly _model: JobPageModel;
  private readonly _noteChanged = new Signal<this, void>(this);
  private _pause = LEAST_MILLISECONDS;
  private _problem: unknown = null;
  private _readAt = 0;
  private readonly _rendermime: IRenderMimeRegistry;
  private _timer = 0;
}

/** A namespace for NotebookTab. */
export namespace NotebookTab {
  /** Options of a NotebookTab. */
  export interface IOptions {
    readonly model: JobPageModel;
    readonly rendermime: IRenderMimeRegistry;
  }
}
