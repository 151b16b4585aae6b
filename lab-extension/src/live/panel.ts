/** What the panel shows: fetched with its sections when the panel is first seen. */
import type { ITranslator } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { Widget } from '@lumino/widgets';
import { filterOf } from '../model/filter';
import type { IWindlass } from '../tokens';

/** What the panel is made from. */
export interface IPanelOptions {
  commands: CommandRegistry;
  translator: ITranslator | null;
  windlass: IWindlass;
}

/** Make the panel's content. Throws when its files cannot be fetched. */
export async function makePanel(options: IPanelOptions): Promise<Widget> {
  const { WindlassPanel } = await import('../sidebar/panel');
  return new WindlassPanel({ ...options, filter: filterOf(options.windlass) });
}
