/** The other parts of the catalogue that are edited: images, prices, quotas. Each is built anew when the draft is reset. */
import { button, fill, h, newId } from './dom.js';
import { area, field, group, number, text } from './fields.js';
import { entries, pairs, several } from './composites.js';
import { table } from './states.js';
import { machine, money } from './words.js';

/** @typedef {import('./main.js').Page} Page */

/** What all of them share: a form that can be made read-only. */
class FormTab {
  /** @param {Page} page */
  constructor(page) {
    this._page = page;
    this.element = h('div', { class: 'wl-form' });
    this._isOpen = false;
    page.draft.addEventListener('reset', () => this._isOpen && this.show());
    page.checks.addEventListener('checked', () => this._isOpen && this.checked());
  }

  hide() {
    this._isOpen = false;
    fill(this.element);
  }

  show() {
    this._isOpen = true;
    fill(this.element, ...this.parts());
    if (!this._page.mayEdit) {
      this.element
        .querySelectorAll('input, select, textarea, button')
        .forEach(each => each.setAttribute('disabled', ''));
    }
    this.checked();
  }

  /** @returns {Node[]} */
  parts() {
    return [];
  }

  /** After each check. */
  checked() {}
}

export class ImagesTab extends FormTab {
  /** @override */
  parts() {
    const { draft } = this._page;
    return [
      entries(draft, ['images'], {
        label: 'Images',
        help: 'Offered on the spawn page, where a profile names them, and for jobs.',
        add: 'Add an image',
        blank: () => ({ slug: '', display_name: '', image: '' }),
        name: item => item.display_name || item.slug,
        entry: path => [
          text(draft, [...path, 'display_name'], { label: 'Name', required: true }),
          text(draft, [...path, 'slug'], { label: 'Slug', required: true, help: 'What profiles call it.' }),
          text(draft, [...path, 'image'], {
            label: 'Image',
            required: true,
            placeholder: 'quay.io/jupyter/base-notebook:2026-05-01',
            wide: true
          }),
          area(draft, [...path, 'description'], { label: 'Description' }),
          several(draft, [...path, 'interfaces'], {
            label: 'What it can show',
            fallback: ['jupyterlab'],
            options: [
              { value: 'jupyterlab', label: 'JupyterLab' },
              { value: 'vscode', label: 'VS Code in the browser' }
            ]
          })
        ]
      })
    ];
  }
}

export class PricesTab extends FormTab {
  /** @override */
  parts() {
    const { draft } = this._page;
    this._worked = h('div');
    return [
      h(
        'p',
        { class: 'text-body-secondary' },
        'In USD. What is left out is unknown, never free: a profile that needs it then has no price.'
      ),
      group(
        'Per hour',
        number(draft, ['prices', 'cpu_core_hour'], { label: 'A CPU core' }),
        number(draft, ['prices', 'memory_gib_hour'], { label: 'A GiB of memory' }),
        number(draft, ['prices', 'spot_factor'], {
          label: 'Spot costs this part of the price',
          fallback: 1,
          help: '0.3: three tenths.'
        }),
        pairs(draft, ['prices', 'gpu_hour'], {
          label: 'A whole GPU card',
          nameLabel: 'Product, as Tesla-T4',
          valueLabel: 'USD per hour',
          numeric: true,
          add: 'Add a GPU',
          help: 'A MIG slice and a share cost their part of the card.'
        })
      ),
      h('h2', { class: 'h6' }, 'What profiles cost with these prices'),
      this._worked
    ];
  }

  /** @override */
  checked() {
    const { draft, checks } = this._page;
    const rows = (draft.get(['profiles']) || []).map((/** @type {any} */ profile) => [
      profile.display_name || profile.slug,
      machine(profile),
      money(checks.prices[profile.slug]),
      profile.usd_per_hour === undefined ? 'worked out' : 'its own price'
    ]);
    if (this._worked) {
      fill(
        this._worked,
        table('What profiles cost', ['Profile', 'Machine', 'Per hour', 'How'], rows, {
          kind: 'wl-costs',
          numbers: ['Per hour']
        })
      );
    }
  }
}

export class QuotasTab extends FormTab {
  /** @override */
  parts() {
    const groups = Object.keys(this._page.draft.get(['quotas', 'groups']) || {});
    return [
      h(
        'p',
        { class: 'text-body-secondary' },
        'What one user may hold at once, notebooks and jobs together. Left out: no limit. Of several groups the most generous counts, item by item.'
      ),
      this._quota('Everyone', ['quotas', 'default']),
      ...groups.map(name => this._quota(`Group ${name}`, ['quotas', 'groups', name], name)),
      this._adder(),
      h('h2', { class: 'h6 mt-4' }, 'Which groups the profiles name'),
      this._named()
    ];
  }

  /** @param {string} title @param {(string | number)[]} path @param {string} [name] */
  _quota(title, path, name) {
    const { draft } = this._page;
    const set = group(
      title,
      text(draft, [...path, 'cpu'], { label: 'CPU cores' }),
      text(draft, [...path, 'memory'], { label: 'Memory' }),
      text(draft, [...path, 'storage'], { label: 'Storage' }),
      number(draft, [...path, 'pods'], { label: 'Pods' }),
      number(draft, [...path, 'jobs'], { label: 'Jobs' }),
      pairs(draft, [...path, 'gpus'], {
        label: 'GPUs',
        nameLabel: 'Extended resource, as nvidia.com/gpu',
        valueLabel: 'How many',
        numeric: true,
        add: 'Add a GPU limit'
      })
    );
    set.dataset.path = path.join('.');
    set.prepend(h('div', { class: 'wl-error', 'aria-live': 'polite' }));
    if (name !== undefined) {
      const remove = () => {
        const { [name]: _, ...rest } = draft.get(['quotas', 'groups']);
        draft.set(['quotas', 'groups'], rest);
        this.show();
        this._name?.focus();
      };
      set.append(button(`Remove the quota of ${name}`, remove, { class: 'btn-outline-danger mt-3' }));
    }
    return set;
  }

  _adder() {
    const { draft } = this._page;
    const name = h('input', {
      type: 'text',
      class: 'form-control form-control-sm',
      id: newId(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === 'Enter' && add()
    });
    this._name = name;
    const add = () => {
      const wanted = name.value.trim();
      const groups = draft.get(['quotas', 'groups']) || {};
      if (wanted && !(wanted in groups)) {
        draft.set(['quotas', 'groups'], { ...groups, [wanted]: {} });
        this.show();
        const added = CSS.escape(`quotas.groups.${wanted}`);
        /** @type {HTMLElement | null} */ (
          this.element.querySelector(`[data-path="${added}"] input`)
        )?.focus();
      }
    };
    return h(
      'div',
      { class: 'wl-adder' },
      field(['quotas', 'groups'], { label: 'Another group' }, name),
      button('Add its quota', add)
    );
  }

  _named() {
    /** @type {Map<string, string[]>} */
    const named = new Map();
    for (const profile of this._page.draft.get(['profiles']) || []) {
      for (const name of profile.groups || []) {
        named.set(name, [...(named.get(name) || []), profile.display_name]);
      }
    }
    const rows = [...named].sort().map(([name, profiles]) => [name, profiles.join(', ')]);
    return rows.length
      ? table('Groups and their profiles', ['Group', 'Its profiles'], rows)
      : h('p', {}, 'None: every profile is for everyone.');
  }
}
