/**
 * What the service says of the draft while it is typed: what is wrong where, what would change, what profiles cost. The
 * rules live in the service alone; here nothing is known about them.
 */

/** @typedef {{path: string, message: string}} Finding */
/** @typedef {{section: string, kind: string, name: string, slug: string, details: string[], sentence: string}} Change */

const QUIET_MILLISECONDS = 350;

export class Checks extends EventTarget {
  /** @param {{api: import('./api.js').Api, draft: import('./draft.js').Draft}} options */
  constructor({ api, draft }) {
    super();
    this._api = api;
    this._draft = draft;
    /** @type {Finding[]} */
    this.problems = [];
    /** @type {Change[]} */
    this.changes = [];
    /** @type {Record<string, number | null>} */
    this.prices = {};
    this.isCurrent = false;
    /** Why nothing could be checked. @type {string | null} */
    this.failure = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    /** @type {AbortController | null} */
    this._asking = null;
    const later = () => this.later();
    draft.addEventListener('change', later);
    draft.addEventListener('reset', later);
  }

  /** Check when nothing was typed for a moment. */
  later() {
    this.isCurrent = false;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.now({ isBackground: true }), QUIET_MILLISECONDS);
  }

  /** Check at once. @param {{isBackground?: boolean}} [how] */
  async now({ isBackground = false } = {}) {
    clearTimeout(this._timer);
    this._asking?.abort();
    const asking = (this._asking = new AbortController());
    try {
      const json = { catalogue: this._draft.document, base: this._draft.base };
      const found = await this._api.ask('api/admin/catalogue/validate', {
        method: 'POST',
        json,
        signal: asking.signal,
        isBackground
      });
      Object.assign(this, {
        problems: found.problems,
        changes: found.changes,
        isCurrent: true,
        failure: null
      });
      if (!found.problems.length) {
        this.prices = found.prices;
      }
    } catch (error) {
      if (asking.signal.aborted) {
        return;
      }
      this.failure = error instanceof Error ? error.message : String(error);
    }
    this.dispatchEvent(new Event('checked'));
  }
}
