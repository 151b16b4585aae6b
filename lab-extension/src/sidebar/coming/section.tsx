/** A section without a feature behind it yet. */
import { PanelWithToolbar, ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import type { IWindlass } from '../../tokens';
import { ComingBody } from './body';
import type { IComing } from './texts';

/** A title and an honest sentence. */
export class ComingSection extends PanelWithToolbar {
  constructor(options: ComingSection.IOptions) {
    super();
    const { coming, commands, windlass } = options;
    this.addClass('jp-WindlassPanel-section');
    this.title.label = coming.title;
    const body = ReactWidget.create(<ComingBody coming={coming} commands={commands} windlass={windlass} />);
    body.addClass('jp-WindlassPanel-body');
    this.addWidget(body);
  }
}

/** A namespace for `ComingSection` statics. */
export namespace ComingSection {
  /** The options of a `ComingSection`. */
  export interface IOptions {
    coming: IComing;
    commands: CommandRegistry;
    windlass: IWindlass;
  }
}
