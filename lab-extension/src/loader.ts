/** Fetches the live half of Windlass once, however many ask for it. It knows nothing of what it fetches. */
import type { IWindlass, IWindlassLoader } from './tokens';

/** Makes Windlass when first asked for, and again after a failure. */
export class WindlassLoader implements IWindlassLoader {
  /** @param make - Fetches what is needed and makes Windlass. */
  constructor(make: () => Promise<IWindlass>) {
    this._make = make;
  }

  get current(): IWindlass | null {
    return this._current;
  }

  async load(): Promise<IWindlass> {
    this._pending ??= this._load().catch((error: unknown) => {
      this._pending = null;
      throw error;
    });
    return this._pending;
  }

  onLoad(hook: (windlass: IWindlass) => void | Promise<void>): void {
    this._hooks.push(hook);
    if (this._current) {
      void hook(this._current);
    }
  }

  private async _load(): Promise<IWindlass> {
    const windlass = await this._make();
    await Promise.all(this._hooks.map(async hook => hook(windlass)));
    return (this._current = windlass);
  }

  private _current: IWindlass | null = null;
  private readonly _hooks: ((windlass: IWindlass) => void | Promise<void>)[] = [];
  private readonly _make: () => Promise<IWindlass>;
  private _pending: Promise<IWindlass> | null = null;
}
