/**
 * The service's REST interface. A session that ended is renewed in between, by the user, and the request sent again: an
 * edit is not lost because a night went by.
 */

/** What the service answers when it does not do it (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {{detail?: string, type?: string, fields?: {field: string, message: string}[], extra?: any}} body
   */
  constructor(status, body) {
    super(body.detail || `The service answered ${status}.`);
    this.status = status;
    this.type = body.type || '';
    this.fields = body.fields || [];
    /** @type {any} */
    this.extra = body.extra || {};
  }
}

/** @typedef {{method?: string, json?: unknown, text?: string, headers?: Record<string, string>, signal?: AbortSignal, isBackground?: boolean}} Ask */

/** A connection that is lost without a word is given up: whoever waits must be able to go on. */
const PATIENCE_MILLISECONDS = 60_000;

export class Api {
  /**
   * @param {{prefix: string, xsrf: string, renew: () => Promise<boolean>, edits?: boolean}} options `edits`: the page
   *   has some that are not sent yet, and that stay on it
   */
  constructor({ prefix, xsrf, renew, edits = true }) {
    this.prefix = prefix;
    this._xsrf = xsrf;
    this._edits = edits;
    this._renew = renew;
    /** @type {Promise<boolean> | null} */
    this._renewing = null;
    /** The user would not log in: what is asked in the background does not ask them again. */
    this._isDeclined = false;
  }

  /**
   * What is answered, parsed. Raises Problem.
   *
   * @param {string} path below the service's prefix
   * @param {Ask} [ask]
   * @returns {Promise<any>}
   */
  async ask(path, ask = {}) {
    for (;;) {
      const response = await this._send(path, ask);
      if (response.ok) {
        this._isDeclined = false;
        return await this._parsed(response);
      }
      const problem = new Problem(response.status, await this._body(response));
      if (!isLoggedOut(problem)) {
        throw problem;
      }
      if ((ask.isBackground && this._isDeclined) || !(await this._renewed())) {
        this._isDeclined = true;
        const next = this._edits ? 'log in again to save them.' : 'log in again.';
        throw new Problem(problem.status, {
          detail: this._told('Your session has ended.', next),
          type: problem.type
        });
      }
    }
  }

  /**
   * Whether the session holds (again), and whose it is.
   *
   * @returns {Promise<string | null>}
   */
  async who() {
    const response = await this._send('api/me', {});
    return response.ok ? (await this._parsed(response)).name : null;
  }

  /**
   * @param {string} path
   * @param {Ask} ask
   */
  async _send(path, { method = 'GET', json, text, headers = {}, signal }) {
    /** @type {Record<string, string>} */
    const sent = { Accept: 'application/json', 'X-XSRFToken': this._token(), ...headers };
    if (json !== undefined) {
      sent['Content-Type'] = 'application/json';
    }
    const body = json === undefined ? text : JSON.stringify(json);
    const patience = AbortSignal.timeout(PATIENCE_MILLISECONDS);
    try {
      const options = {
        method,
        headers: sent,
        body,
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
        credentials: /** @type {const} */ ('same-origin')
      };
      return await fetch(this.prefix + path, { ...options, redirect: 'error' });
    } catch (error) {
      if (signal?.aborted) {
        throw error;
      }
      throw new Problem(0, {
        detail: this._told('The hub does not answer.', 'try again in a moment.')
      });
    }
  }

  /** @param {Response} response */
  async _parsed(response) {
    const type = response.headers.get('Content-Type') || '';
    return type.includes('json') ? await response.json() : await response.text();
  }

  /** @param {Response} response */
  async _body(response) {
    try {
      return await response.json();
    } catch {
      const what = `The hub is in trouble (it answered ${response.status}).`;
      return response.status >= 500 ? { detail: this._told(what, 'try again in a moment.') } : {};
    }
  }

  /** What has happened, that nothing is lost, and what to do next. @param {string} what @param {string} next */
  _told(what, next) {
    return this._edits
      ? `${what} Your edits are kept here; ${next}`
      : `${what} ${next[0].toUpperCase()}${next.slice(1)}`;
  }

  /** Ask once, however many requests found the session ended. */
  async _renewed() {
    this._renewing ??= this._renew().finally(() => {
      this._renewing = null;
    });
    return await this._renewing;
  }

  /** The newest token: a login in another tab writes a new cookie. */
  _token() {
    const cookies = document.cookie.split('; ').filter(cookie => cookie.startsWith('_xsrf='));
    return cookies.length ? cookies[0].slice('_xsrf='.length).replaceAll('"', '') : this._xsrf;
  }
}

/** @param {Problem} problem */
function isLoggedOut(problem) {
  return problem.status === 401 || (problem.status === 403 && problem.type === 'windlass:http-403');
}
