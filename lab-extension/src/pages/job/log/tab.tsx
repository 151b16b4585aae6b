/**
 * A job's output: controls, the window on its lines, and a word about what is not shown.
 */
import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';
import * as React from 'react';

import { toMessage } from '../../../api/errors';
import { saveText } from './download';
import { LogBottom, LogTop } from './notice';
import { LogSearch } from './search';
import type { ILogFeed } from './source';
import { LogSource } from './source';
import type { ILogActions } from './toolbar';
import { LogToolbar } from './toolbar';
import { LogViewport } from './viewport';

/** How much is kept in the browser. */
const MOST_LINES = 100_000;
const MOST_CHARACTERS = 32 * 1024 * 1024;

/** The tab that shows a job's output. */
export class LogTab extends Panel implements ILogActions {
  constructor(options: LogTab.IOptions) {
    super();
    const { trans, name, worldSize } = options;
    this._trans = trans;
    this._name = name;
    this._worldSize = worldSize;
    this._isLive = options.isLive;
    this._source = new LogSource({ ...options, maxLines: MOST_LINES, maxCharacters: MOST_CHARACTERS });
    this._search = new LogSearch(this._source.buffer);
    this._viewport = new LogViewport({
      buffer: this._source.buffer,
      search: this._search,
      worldSize,
      label: trans.__('Output of %1', name),
      launcher: trans.__('the launcher')
    });
    this.addClass('jp-WindlassLog');
    this._add(() => this._renderToolbar());
    this._add(() => this._renderTop());
    this.addWidget(this._viewport);
    this._add(() => this._renderBottom());
    this._source.linesChanged.connect(this._onLines, this);
    this._source.stateChanged.connect(this._onState, this);
    this._viewport.positionChanged.connect(this._onPosition, this);
    this._applyLook(null);
  }

  /** Read another rank's output; null: all ranks, merged. */
  setRank(rank: number | null): void {
    this._applyLook(rank);
    this._viewport.follow();
    void this._source.open(rank);
  }

  /** Mark a text wherever it occurs, and go to the first place from here on. */
  search(needle: string): void {
    this._search.start(needle, this._viewport.firstVisibleLine);
    this._revealHit();
  }

  /** Go to the next hit, or to the one before. */
  step(direction: 1 | -1): void {
    this._search.step(direction);
    this._revealHit();
  }

  /** Switch one of the ways to show lines. */
  toggle(option: 'wrap' | 'timestamps'): void {
    this._options = { ...this._options, [option]: !this._options[option] };
    this._applyLook(this._source.rank);
  }

  /** Put the lines that are loaded on the clipboard. */
  copy(): void {
    void navigator.clipboard.writeText(
      this._source.buffer.toText({ ranks: this._showsRanks(this._source.rank) })
    );
  }

  /** Have the browser save the whole output. */
  download(): void {
    const { rank } = this._source;
    void this._download(rank === null ? `${this._name}.log` : `${this._name}.rank-${rank}.log`);
  }

  /** Keep the end in sight, and read it anew if what follows is no longer read. */
  jumpToEnd(): void {
    this._viewport.follow();
    if (this._source.state === 'detached') {
      void this._source.open(this._source.rank);
    }
  }

  /** Read the output before the first line. */
  async loadEarlier(): Promise<void> {
    this._viewport.hold();
    this._isLoadingEarlier = true;
    await this._attempt(() => this._source.loadEarlier());
    this._isLoadingEarlier = false;
    this._changed.emit();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._source.dispose();
      Signal.clearData(this);
      super.dispose();
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.node.addEventListener('keydown', this._onKeyDown);
    if (!this._isOpened) {
      this._isOpened = true;
      void this._source.open(null);
    }
  }

  protected override onBeforeDetach(msg: Message): void {
    this.node.removeEventListener('keydown', this._onKeyDown);
    super.onBeforeDetach(msg);
  }

  /** The browser's own search finds only what is in sight. */
  private readonly _onKeyDown = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'f') {
      event.preventDefault();
      event.stopPropagation();
      this.node.querySelector<HTMLInputElement>('input[type=search]')?.focus();
    }
  };

  private _onLines(_: LogSource, changed: number): void {
    this._search.update(changed);
    this._viewport.linesChanged(changed);
    this._changed.emit();
  }

  private _onState(): void {
    this._viewport.canFollow = this._source.state !== 'detached';
    this._changed.emit();
  }

  private _onPosition(): void {
    this._changed.emit();
  }

  private _revealHit(): void {
    const hit = this._search.currentHit;
    if (hit) {
      this._viewport.reveal(hit);
    } else {
      this._viewport.hitsChanged();
    }
    this._changed.emit();
  }

  private _showsRanks(rank: number | null): boolean {
    return this._worldSize > 1 && rank === null;
  }

  private _applyLook(rank: number | null): void {
    this._viewport.look = { ...this._options, ranks: this._showsRanks(rank) };
    this._changed.emit();
  }

  private async _download(name: string): Promise<void> {
    await this._attempt(async () => {
      const parts: string[] = [];
      this._downloaded = 0;
      for await (const page of this._source.pages()) {
        parts.push(page.segments.map(segment => segment.text).join(''));
        this._downloaded = page.next_offset / Math.max(1, page.size_bytes);
        this._changed.emit();
      }
      saveText(name, parts);
    });
    this._downloaded = null;
    this._changed.emit();
  }

  private async _attempt(action: () => Promise<void>): Promise<void> {
    this._problem = null;
    this._changed.emit();
    try {
      await action();
    } catch (error) {
      this._problem = toMessage(error, this._trans);
    }
  }

  private _add(render: () => React.JSX.Element): void {
    this.addWidget(ReactWidget.create(<UseSignal signal={this._changed}>{render}</UseSignal>));
  }

  private _renderToolbar(): React.JSX.Element {
    return (
      <LogToolbar
        {...this._options}
        worldSize={this._worldSize}
        rank={this._source.rank}
        needle={this._search.needle}
        currentHit={this._search.current}
        hits={this._search.count}
        moreHits={this._search.truncated}
        download={this._downloaded}
        actions={this}
        trans={this._trans}
      />
    );
  }

  private _renderTop(): React.JSX.Element {
    return (
      <LogTop
        hasEarlier={this._source.hasEarlier && this._viewport.isAtTop}
        isLoading={this._isLoadingEarlier}
        problem={this._problem}
        onLoad={() => void this.loadEarlier()}
        trans={this._trans}
      />
    );
  }

  private _renderBottom(): React.JSX.Element {
    const { state, problem, buffer, rank } = this._source;
    return (
      <LogBottom
        state={state}
        problem={problem === null ? null : toMessage(problem, this._trans)}
        lines={buffer.length}
        isFollowing={this._viewport.isFollowing}
        isAtEnd={this._viewport.isAtEnd}
        unseenLines={this._viewport.unseenLines}
        isLive={this._isLive()}
        onJump={() => this.jumpToEnd()}
        onRetry={() => this.setRank(rank)}
        trans={this._trans}
      />
    );
  }

  private readonly _trans: TranslationBundle;
  private readonly _name: string;
  private readonly _worldSize: number;
  private readonly _isLive: () => boolean;
  private readonly _source: LogSource;
  private readonly _search: LogSearch;
  private readonly _viewport: LogViewport;
  private readonly _changed = new Signal<this, void>(this);
  private _options = { wrap: false, timestamps: false };
  private _problem: string | null = null;
  private _downloaded: number | null = null;
  private _isLoadingEarlier = false;
  private _isOpened = false;
}

/** A namespace for LogTab. */
export namespace LogTab {
  /** Options of a LogTab. */
  export interface IOptions {
    readonly feed: ILogFeed;
    readonly jobId: string;
    /** The job's name. */
    readonly name: string;
    readonly worldSize: number;
    /** Whether the job may still write something. */
    readonly isLive: () => boolean;
    readonly trans: TranslationBundle;
  }
}
