/** The user's settings of Windlass, typed, and always there: defaults before and without a settings registry. */
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IWindlassSettings } from '../tokens';

/** Reads from the registry's settings once they have arrived. */
export class SettingsModel implements IWindlassSettings {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get notifyFinished(): IWindlassSettings['notifyFinished'] {
    const value = this._read('notifyFinished');
    return value === 'failed' || value === 'none' ? value : 'all';
  }

  get pollSeconds(): number {
    return this._number('pollSeconds', 10);
  }

  get defaultEngine(): string | null {
    const value = this._read('defaultEngine');
    return typeof value === 'string' && value !== '' ? value : null;
  }

  get defaultWorkers(): number {
    return this._number('defaultWorkers', 1);
  }

  get defaultProcessesPerWorker(): number {
    return this._number('defaultProcessesPerWorker', 1);
  }

  get openJobAfterSubmit(): boolean {
    return this._read('openJobAfterSubmit') !== false;
  }

  /** Read from here from now on. */
  attach(settings: ISettingRegistry.ISettings): void {
    this._settings = settings;
    settings.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  private _onChanged(): void {
    this._changed.emit();
  }

  private _number(name: string, fallback: number): number {
    const value = this._read(name);
    return typeof value === 'number' ? value : fallback;
  }

  private _read(name: string): unknown {
    return this._settings?.composite[name];
  }

  private readonly _changed = new Signal<this, void>(this);
  private _settings: ISettingRegistry.ISettings | null = null;
}
