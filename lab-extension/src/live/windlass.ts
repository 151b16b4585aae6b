/** Makes Windlass: the client, the socket and the models, once, from the application's own connection. */
import type { ServerConnection } from '@jupyterlab/services';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { WindlassClient } from '../api/client';
import { WindlassSocket } from '../api/socket';
import { InfoModel } from '../model/info';
import { JobsModel } from '../model/jobs';
import { SettingsModel } from '../model/settings';
import type { IWindlass } from '../tokens';

/** What Windlass is made from. */
export interface IWindlassOptions {
  serverSettings: ServerConnection.ISettings;
  /** The user's settings, on their way; without them, and when they cannot be had, the defaults hold. */
  settings?: Promise<ISettingRegistry.ISettings>;
  store: IStateDB | null;
  trans: TranslationBundle;
}

/** Make Windlass, and begin to listen for jobs. */
export function makeWindlass(options: IWindlassOptions): IWindlass {
  const { serverSettings, store, trans } = options;
  const client = new WindlassClient({ serverSettings });
  const socket = new WindlassSocket({ serverSettings });
  const settings = new SettingsModel();
  const info = new InfoModel({ client });
  const jobs = new JobsModel({ client, info, settings, socket });
  void options.settings?.then(
    loaded => settings.attach(loaded),
    () => undefined
  );
  jobs.start();
  return { client, socket, jobs, info, settings, store, trans };
}
