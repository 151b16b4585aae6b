/**
 * The catalogue while it is edited: what the edit began from, what it is now, and whether it is the same. It is kept in
 * the tab's own storage, so that a reload, a crash or a login in between loses nothing. It knows no page.
 */

/** @typedef {Record<string, any>} Document */
/** @typedef {(string | number)[]} Path */

const KEY = 'windlass-profiles-draft';

export class Draft extends EventTarget {
  /** @param {{user: string, storage?: Storage}} options */
  constructor({ user, storage = sessionStorage }) {
    super();
    this._key = `${KEY}:${user}`;
    this._storage = storage;
    /** @type {Document} */
    this.base = {};
    /** @type {Document} */
    this.document = {};
    this.revision = '';
  }

  /** Whether something differs from what the edit began from. */
  get isChanged() {
    return canonical(this.document) !== canonical(this.base);
  }

  /**
   * Begin from what the service keeps.
   *
   * @param {{catalogue: Document, revision: string}} kept
   */
  begin({ catalogue, revision }) {
    this.base = structuredClone(catalogue);
    this.document = structuredClone(catalogue);
    this.revision = revision;
    this._changed('reset');
  }

  /**
   * What was edited is kept now: it is its own base, and forms stay as they are where nothing else came with it.
   *
   * @param {{catalogue: Document, revision: string}} kept
   */
  settle({ catalogue, revision }) {
    if (canonical(catalogue) !== canonical(this.document)) {
      this.begin({ catalogue, revision });
      return;
    }
    this.base = structuredClone(catalogue);
    this.revision = revision;
    this._changed('change');
  }

  /**
   * Go on with another text on top of what is kept now: a merge, an import, an edit found again.
   *
   * @param {{document: Document, base: Document, revision: string}} other
   */
  rebase({ document, base, revision }) {
    this.base = structuredClone(base);
    this.document = structuredClone(document);
    this.revision = revision;
    this._changed('reset');
  }

  /** The edit that was left in this tab, if it differs from its base. @returns {{document: Document, base: Document, revision: string} | null} */
  left() {
    try {
      const kept = JSON.parse(this._storage.getItem(this._key) || 'null');
      return kept && canonical(kept.document) !== canonical(kept.base) ? kept : null;
    } catch {
      return null;
    }
  }

  /** @param {Path} path @returns {any} */
  get(path) {
    /** @type {any} */
    let here = this.document;
    for (const part of path) {
      here = here?.[part];
    }
    return here;
  }

  /**
   * Set a value; empty ones are left out, as the service leaves out defaults.
   *
   * @param {Path} path
   * @param {any} value
   */
  set(path, value) {
    const parents = path.slice(0, -1);
    const last = path[path.length - 1];
    /** @type {any} */
    let here = this.document;
    parents.forEach((part, index) => {
      here[part] ??= typeof path[index + 1] === 'number' ? [] : {};
      here = here[part];
    });
    if (isEmpty(value)) {
      delete here[last];
      this._prune(parents);
    } else {
      here[last] = value;
    }
    this._changed('change');
  }

  /** @param {Path} path of a list @param {any} item @param {number} [at] */
  insert(path, item, at) {
    const list = [...(this.get(path) || [])];
    list.splice(at ?? list.length, 0, item);
    this.set(path, list);
  }

  /** @param {Path} path of a list @param {number} index */
  remove(path, index) {
    this.set(
      path,
      (this.get(path) || []).filter((/** @type {any} */ _, /** @type {number} */ at) => at !== index)
    );
  }

  /** @param {Path} path of a list @param {number} from @param {number} to */
  move(path, from, to) {
    const list = [...this.get(path)];
    const [item] = list.splice(from, 1);
    list.splice(to, 0, item);
    this.set(path, list);
  }

  /** Empty groups of settings are left out with their last setting; entries of lists and named quotas stay. @param {Path} path */
  _prune(path) {
    const value = this.get(path);
    const named = path.length >= 2 && path[path.length - 2] === 'groups';
    if (path.length && !named && typeof path[path.length - 1] === 'string' && isEmpty(value)) {
      const parents = path.slice(0, -1);
      delete this.get(parents)[path[path.length - 1]];
      this._prune(parents);
    }
  }

  /** @param {'change' | 'reset'} what */
  _changed(what) {
    try {
      if (this.isChanged) {
        const { document, base, revision } = this;
        this._storage.setItem(this._key, JSON.stringify({ document, base, revision }));
      } else {
        this._storage.removeItem(this._key);
      }
    } catch {
      // A full or forbidden storage: the edit lives as long as the page.
    }
    this.dispatchEvent(new Event(what));
  }
}

/** @param {any} value */
function isEmpty(value) {
  if (value === undefined || value === null || value === '' || value === false) {
    return true;
  }
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** The same text for the same meaning: keys in order, empty lists and mappings left out. @param {any} value @returns {string} */
export function canonical(value) {
  return JSON.stringify(value, (_, part) => {
    if (part && typeof part === 'object' && !Array.isArray(part)) {
      return Object.fromEntries(
        Object.entries(part)
          .filter(([, each]) => !(Array.isArray(each) && each.length === 0) && each !== undefined)
          .sort(([a], [b]) => (a < b ? -1 : 1))
      );
    }
    return part;
  });
}
