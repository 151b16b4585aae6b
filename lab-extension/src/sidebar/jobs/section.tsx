/** The Jobs section: its title's buttons, and the list below. */
import type { ITranslator } from '@jupyterlab/translation';
import { CommandToolbarButton, PanelWithToolbar, ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import '../../../style/jobs.css';
import { CommandIDs } from '../../commands';
import type { JobFilter } from '../../model/filter';
import type { IWindlass } from '../../tokens';
import { JobsBody } from './body';

/** The buttons in the section's title. */
const BUTTONS = [CommandIDs.train, CommandIDs.filterNotebook, CommandIDs.refresh];

/** The live list of jobs with its toolbar. */
export class JobsSection extends PanelWithToolbar {
  constructor(options: JobsSection.IOptions) {
    super();
    const { commands, filter, windlass } = options;
    const { trans } = windlass;
    this.addClass('jp-WindlassPanel-section');
    this.title.label = trans.__('Jobs');
    this.toolbar.node.setAttribute('aria-label', trans.__('Jobs toolbar'));
    for (const id of BUTTONS) {
      this.toolbar.addItem(
        id,
        new CommandToolbarButton({ commands, id, args: { toolbar: true }, label: '' })
      );
    }
    const body = ReactWidget.create(<JobsBody commands={commands} filter={filter} windlass={windlass} />);
    body.addClass('jp-WindlassPanel-body');
    this.addWidget(body);
  }

  protected override onActivateRequest(): void {
    this.node.querySelector<HTMLElement>('.jp-WindlassJobs-row[tabindex="0"], input, button')?.focus();
  }
}

/** A namespace for `JobsSection` statics. */
export namespace JobsSection {
  /** The options of a `JobsSection`. */
  export interface IOptions {
    commands: CommandRegistry;
    filter: JobFilter;
    translator: ITranslator | null;
    windlass: IWindlass;
  }
}
