/** Who runs what now, since when, at what price. Looked at anew while it is on the screen. */
import { button, h } from './dom.js';
import { empty, loadInto, table } from './states.js';
import { count, duration, money, time } from './words.js';

/** @typedef {import('./main.js').Page} Page */

const EVERY_MILLISECONDS = 15_000;

export class RunningTab {
  /** @param {Page} page */
  constructor(page) {
    this._page = page;
    this._body = h('div');
    this.element = h(
      'div',
      {},
      h(
        'div',
        { class: 'wl-toolbar' },
        button('Refresh', () => this.show())
      ),
      this._body
    );
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this._timer = undefined;
  }

  show() {
    this.hide();
    void this._load(false);
    this._timer = setInterval(() => {
      if (!document.hidden) {
        void this._load(true);
      }
    }, EVERY_MILLISECONDS);
  }

  hide() {
    clearInterval(this._timer);
  }

  /** @param {boolean} quiet */
  async _load(quiet) {
    if (
      !(await loadInto(this._body, {
        load: () => this._page.api.ask('api/admin/servers'),
        show: found => this._shown(found),
        quiet
      }))
    ) {
      this.hide();
    }
  }

  /** @param {any} found */
  _shown(found) {
    if (!found.servers.length) {
      return [empty('Nobody runs a server now.')];
    }
    const costs = found.costs;
    const heads = ['User', 'Server', 'Profile', 'Since', ...(costs ? ['Per hour', 'So far'] : [])];
    const rows = found.servers.map((/** @type {any} */ server) => [
      server.user,
      server.display_name || server.name || 'default',
      [
        server.profile_name || server.profile || 'unknown',
        server.state === 'ready' ? null : h('span', { class: 'badge text-bg-warning' }, server.state)
      ],
      h('span', { title: time(server.started_at) }, duration(server.hours)),
      ...(costs ? [money(server.usd_per_hour), money(server.usd_so_far)] : [])
    ]);
    return [
      this._totals(found),
      table('Servers that run now', heads, rows, { numbers: ['Per hour', 'So far'] })
    ];
  }

  /** @param {any} found */
  _totals({ totals, costs, at }) {
    const words = [count(totals.servers, 'server'), count(totals.gpu_cards, 'GPU card')];
    if (costs) {
      const missing = totals.unknown_prices
        ? `, without ${count(totals.unknown_prices, 'server')} of unknown price`
        : '';
      words.push(`${money(totals.usd_per_hour)} per hour${missing}`, `${money(totals.usd_so_far)} so far`);
    } else {
      words.push('costs need the permission custom:windlass:costs:read');
    }
    return h(
      'p',
      { class: 'wl-totals' },
      words.join(' · '),
      h('span', { class: 'wl-small' }, ` as of ${time(at)}`)
    );
  }
}
