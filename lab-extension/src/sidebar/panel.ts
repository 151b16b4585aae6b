/** The panel: an accordion of sections. It only puts them together. */
import type { ITranslator } from '@jupyterlab/translation';
import { SidePanel } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';
import { AccordionPanel } from '@lumino/widgets';
import '../../style/panel.css';
import type { JobFilter } from '../model/filter';
import type { IWindlass } from '../tokens';
import { ComingSection } from './coming/section';
import { comingSections } from './coming/texts';
import { ExperimentsSection } from './experiments/section';
import { GpusSection } from './gpus/section';
import { JobsSection } from './jobs/section';
import { ModelsSection } from './models/section';

/** Jobs, GPUs, experiments, models and deployments. */
export class WindlassPanel extends SidePanel {
  constructor(options: WindlassPanel.IOptions) {
    super({ translator: options.translator ?? undefined });
    this.addClass('jp-WindlassPanel');
    this._jobs = new JobsSection(options);
    this.addWidget(this._jobs);
    this.addWidget(new GpusSection(options));
    this.addWidget(new ExperimentsSection(options));
    this.addWidget(new ModelsSection(options));
    for (const coming of comingSections(options.windlass.trans)) {
      this.addWidget(new ComingSection({ ...options, coming }));
    }
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    if (this._isArranged || !(this.content instanceof AccordionPanel)) {
      return;
    }
    this._isArranged = true;
    for (const [index, section] of this.content.widgets.entries()) {
      if (section !== this._jobs) {
        this.content.collapse(index);
      }
    }
    this.content.expansionToggled.connect(this._onToggled, this);
  }

  protected override onActivateRequest(): void {
    this._jobs.activate();
  }

  /** A section that is opened for the first time has half of the room: the accordion would give it the least it can have. */
  private _onToggled(content: AccordionPanel, index: number): void {
    const section = content.widgets[index];
    if (!section || section.isHidden || this._opened.has(section)) {
      return;
    }
    this._opened.add(section);
    const sizes = content.widgets.map((widget, at) =>
      widget.isHidden || at === index ? 0 : widget.node.offsetHeight
    );
    const others = sizes.reduce((sum, size) => sum + size, 0);
    sizes[index] = others || 1;
    content.setRelativeSizes(sizes);
  }

  private _isArranged = false;
  private readonly _jobs: JobsSection;
  private readonly _opened = new WeakSet<Widget>();
}

/** A namespace for `WindlassPanel` statics. */
export namespace WindlassPanel {
  /** The options of a `WindlassPanel`. */
  export interface IOptions {
    commands: CommandRegistry;
    filter: JobFilter;
    translator: ITranslator | null;
    windlass: IWindlass;
  }
}
