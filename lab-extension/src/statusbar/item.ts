/** The status bar's count of jobs under way. A click shows the panel. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import '../../style/statusbar.css';
import type { Job } from '../api/types';
import { isFinal } from '../api/types';
import { CommandIDs } from '../commands';
import { windlassIcon } from '../icons';
import type { IJobsModel, IWindlass } from '../tokens';

/** “2 running, 1 waiting”, as a button. */
export class RunningJobs extends Widget {
  constructor(options: RunningJobs.IOptions) {
    super({ node: document.createElement('button') });
    const { commands, windlass } = options;
    this.addClass('jp-WindlassStatus');
    this.addClass('jp-mod-highlighted');
    this._jobs = windlass.jobs;
    this._trans = windlass.trans;
    this._text = document.createElement('span');
    this._text.className = 'jp-StatusBar-TextItem';
    this.node.title = this._trans.__('Show the jobs in the Windlass panel');
    this.node.append(windlassIcon.element({ className: 'jp-WindlassStatus-icon' }), this._text);
    this.node.addEventListener('click', () => void commands.execute(CommandIDs.showPanel));
    this._jobs.changed.connect(this._update, this);
    this._update();
  }

  override dispose(): void {
    Signal.clearData(this);
    super.dispose();
  }

  private _update(): void {
    const text = countText(this._jobs.jobs, this._trans);
    if (text !== this._text.textContent) {
      this._text.textContent = text;
    }
  }

  private readonly _jobs: IJobsModel;
  private readonly _text: HTMLElement;
  private readonly _trans: TranslationBundle;
}

/** A namespace for `RunningJobs` statics. */
export namespace RunningJobs {
  /** The options of `RunningJobs`. */
  export interface IOptions {
    commands: CommandRegistry;
    windlass: IWindlass;
  }
}

/** How many run and how many wait, in words. */
export function countText(jobs: readonly Job[], trans: TranslationBundle): string {
  const live = jobs.filter(job => !isFinal(job.state));
  const running = live.filter(job => job.state === 'running' || job.state === 'restarting').length;
  const waiting = live.length - running;
  return waiting > 0
    ? trans.__('%1 running, %2 waiting', running, waiting)
    : trans._n('%1 job running', '%1 jobs running', running);
}
