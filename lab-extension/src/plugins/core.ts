/** Provides the way to Windlass, and takes it once JupyterLab can be used. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { WindlassLoader } from '../loader';
import { IWindlassLoader } from '../tokens';

const ID = '@windlass/lab-extension:plugin';

export const core: JupyterFrontEndPlugin<IWindlassLoader> = {
  id: ID,
  description: 'Provides Windlass to other plugins: the jobs, the live connection and the REST client.',
  autoStart: true,
  optional: [ITranslator, ISettingRegistry, IStateDB],
  provides: IWindlassLoader,
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    registry: ISettingRegistry | null,
    store: IStateDB | null
  ): IWindlassLoader => {
    const loader = new WindlassLoader(async () => {
      const { makeWindlass } = await import(/* webpackChunkName: "live" */ '../live/windlass');
      return makeWindlass({
        serverSettings: app.serviceManager.serverSettings,
        // The settings live under the plugin's id; without them the defaults hold.
        settings: registry?.load(ID),
        store,
        trans: (translator ?? nullTranslator).load('windlass')
      });
    });
    // Nothing of Windlass stands between the user and a JupyterLab that can be used.
    // What cannot be fetched now is fetched when the panel is shown or a command is given.
    void app.restored.then(async () => loader.load()).catch(() => undefined);
    return loader;
  }
};
