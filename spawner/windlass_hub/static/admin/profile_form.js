/** The fields of one profile, grouped as an admin thinks of them. What each means to the cluster is the service's. */
import { fill, h } from './dom.js';
import { area, check, choice, group, names, number, text } from './fields.js';
import { entries, pairs, several } from './composites.js';
import { money } from './words.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {import('./draft.js').Path} Path */

const INTERFACES = /** @type {[string, string][]} */ ([
  ['jupyterlab', 'JupyterLab'],
  ['vscode', 'VS Code in the browser']
]);
const GPU_KINDS = /** @type {[string, string][]} */ ([
  ['none', 'No GPU'],
  ['dedicated', 'Whole cards'],
  ['mig', 'MIG slices'],
  ['shared', 'Time-sliced shares']
]);

/**
 * All fields of the profile at `path`.
 *
 * @param {Draft} draft
 * @param {Path} path
 * @returns {HTMLElement}
 */
export function profileForm(draft, path) {
  const at = (/** @type {(string | number)[]} */ ...more) => [...path, ...more];
  return h(
    'div',
    { class: 'wl-form', 'data-path': path.join('.') },
    h('div', { class: 'wl-error', 'aria-live': 'polite' }),
    basics(draft, at),
    group(
      'Machine',
      text(draft, at('cpu'), {
        label: 'CPU cores',
        required: true,
        placeholder: '4',
        help: 'The limit, as 4 or 500m.'
      }),
      text(draft, at('cpu_guarantee'), { label: 'Reserved cores', help: 'As the limit when left out.' }),
      text(draft, at('memory'), {
        label: 'Memory',
        required: true,
        placeholder: '16G',
        help: 'The limit, as 16G or 16Gi.'
      }),
      text(draft, at('memory_guarantee'), { label: 'Reserved memory', help: 'As the limit when left out.' })
    ),
    gpu(draft, at('gpu')),
    images(draft, at),
    access(draft, at),
    costs(draft, at),
    placement(draft, at),
    volumes(draft, at('volumes')),
    group(
      'Environment',
      pairs(draft, at('environment'), {
        label: 'Variables',
        nameLabel: 'Name',
        valueLabel: 'Value',
        add: 'Add a variable',
        help: 'Everyone who may use the profile can read them: no passwords here.'
      })
    )
  );
}

/** @typedef {(...more: (string | number)[]) => Path} At */

/** @param {Draft} draft @param {At} at */
function basics(draft, at) {
  return group(
    'On the spawn page',
    text(draft, at('display_name'), { label: 'Name', required: true }),
    text(draft, at('slug'), {
      label: 'Slug',
      required: true,
      help: 'Its name in links, the API and running servers: lower case, digits, hyphens.'
    }),
    area(draft, at('description'), { label: 'Description' }),
    choice(draft, at('interface'), { label: 'Interface', options: INTERFACES, fallback: 'jupyterlab' }),
    check(draft, at('default'), { label: 'Chosen when nothing else is' })
  );
}

/** @param {Draft} draft @param {Path} path */
function gpu(draft, path) {
  const body = h('div', { class: 'wl-fields' });
  const kind = () => (draft.get(path) ? (draft.get([...path, 'mode']) ?? 'dedicated') : 'none');
  const select = h(
    'select',
    {
      class: 'form-select form-select-sm',
      'aria-label': 'Kind of GPU',
      onchange: () => change(select.value)
    },
    ...GPU_KINDS.map(([value, label]) => h('option', { value, selected: value === kind() }, label))
  );
  const change = (/** @type {string} */ wanted) => {
    const { product = '', count, resource } = draft.get(path) || {};
    const kept = { product, ...(count ? { count } : {}), ...(resource ? { resource } : {}) };
    draft.set(
      path,
      wanted === 'none' ? undefined : { ...kept, ...(wanted === 'dedicated' ? {} : { mode: wanted }) }
    );
    show();
  };
  const show = () => {
    const at = (/** @type {string} */ name) => [...path, name];
    const mode = kind();
    if (mode === 'none') {
      fill(body);
      return;
    }
    fill(
      body,
      text(draft, at('product'), {
        label: 'Product',
        required: true,
        placeholder: 'Tesla-T4',
        help: 'The value of the node label nvidia.com/gpu.product.'
      }),
      number(draft, at('count'), { label: 'How many', fallback: 1 }),
      mode === 'mig' &&
        text(draft, at('mig_profile'), { label: 'MIG profile', required: true, placeholder: '1g.5gb' }),
      mode === 'shared' &&
        number(draft, at('replicas'), { label: 'Shares per card', required: true, placeholder: '4' }),
      text(draft, at('resource'), {
        label: 'Extended resource',
        help: 'Only where the device plugin uses another name than usual.'
      })
    );
  };
  show();
  const place = h(
    'div',
    { class: 'wl-field wl-whole', 'data-path': path.join('.') },
    h('div', { class: 'wl-error', 'aria-live': 'polite' }),
    select,
    body
  );
  return group('GPU', place);
}

/** @param {Draft} draft @param {At} at */
function images(draft, at) {
  const offered = (draft.get(['images']) || []).map((/** @type {any} */ image) => ({
    value: image.slug || '',
    label: image.display_name || image.slug || 'an image without a name'
  }));
  return group(
    'Images',
    several(draft, at('images'), {
      label: 'Offered images',
      options: offered,
      ordered: true,
      help: offered.length
        ? 'None: the image of the hub’s own configuration.'
        : 'There are none in the catalogue yet: add them under Images.'
    }),
    text(draft, at('free_image', 'pattern'), {
      label: 'Users may type an image that matches',
      placeholder: 'quay.io/team/.*',
      help: 'A regular expression that must match the whole name. Left out: they may not.'
    }),
    text(draft, at('free_image', 'hint'), { label: 'What they are told about it' })
  );
}

/** @param {Draft} draft @param {At} at */
function access(draft, at) {
  return group(
    'Who may use it',
    names(draft, at('groups'), {
      label: 'Groups',
      help: 'One per line. Without groups and users: everyone.'
    }),
    names(draft, at('users'), { label: 'Users', help: 'One per line.' }),
    number(draft, at('max_servers'), { label: 'Servers at once, over all users' }),
    number(draft, at('max_servers_per_user'), { label: 'Servers at once, per user' })
  );
}

/** @param {Draft} draft @param {At} at */
function costs(draft, at) {
  const worked = h('div', { class: 'wl-worked', 'data-price-of': '' }, '');
  return group(
    'Price and idle limits',
    number(draft, at('usd_per_hour'), {
      label: 'USD per hour',
      help: 'Left out: worked out from the prices of the catalogue.'
    }),
    worked,
    number(draft, at('idle', 'interactive_minutes'), {
      label: 'Stop after idle minutes',
      help: 'Nobody works in it.'
    }),
    number(draft, at('idle', 'gpu_minutes'), { label: 'Stop after GPU idle minutes' }),
    number(draft, at('idle', 'time_to_live_hours'), { label: 'Stop after hours in all' })
  );
}

/** Show what the profile costs, as the service worked it out. @param {Element} form @param {number | null | undefined} usd */
export function showPrice(form, usd) {
  const place = form.querySelector('[data-price-of]');
  if (place) {
    place.textContent =
      usd === undefined
        ? ''
        : `It costs ${usd === null ? 'an unknown amount: a price it needs is missing' : money(usd)} per hour.`;
  }
}

/** @param {Draft} draft @param {At} at */
function placement(draft, at) {
  const effects = /** @type {[string, string][]} */ ([
    ['', 'any effect'],
    ['NoSchedule', 'NoSchedule'],
    ['PreferNoSchedule', 'PreferNoSchedule'],
    ['NoExecute', 'NoExecute']
  ]);
  const operators = /** @type {[string, string][]} */ ([
    ['Exists', 'exists'],
    ['Equal', 'equals']
  ]);
  return group(
    'Where it runs',
    pairs(draft, at('node_selector'), {
      label: 'Node selector',
      nameLabel: 'Label',
      valueLabel: 'Value',
      add: 'Add a label'
    }),
    entries(draft, at('tolerations'), {
      label: 'Tolerations',
      add: 'Add a toleration',
      blank: () => ({ key: '' }),
      name: item => item.key,
      entry: (path, again) => [
        text(draft, [...path, 'key'], { label: 'Taint' }),
        choice(draft, [...path, 'operator'], {
          label: 'Operator',
          options: operators,
          fallback: 'Exists',
          after: again
        }),
        ...(draft.get([...path, 'operator']) === 'Equal'
          ? [text(draft, [...path, 'value'], { label: 'Value' })]
          : []),
        choice(draft, [...path, 'effect'], { label: 'Effect', options: effects, fallback: '' }),
        number(draft, [...path, 'seconds'], { label: 'For seconds' })
      ]
    }),
    check(draft, at('spot'), { label: 'Spot capacity', help: 'Cheaper; it may be taken away at any time.' }),
    number(draft, at('node_start_minutes'), {
      label: 'A new node takes minutes',
      help: 'Left out: no node is started for it.'
    }),
    text(draft, at('priority_class'), { label: 'PriorityClass' }),
    text(draft, at('runtime_class'), { label: 'RuntimeClass' })
  );
}

/** @param {Draft} draft @param {Path} path */
function volumes(draft, path) {
  return group(
    'Volumes',
    entries(draft, path, {
      label: 'Volumes',
      add: 'Add a volume',
      blank: () => ({ name: '', mount_path: '/', scratch: '10Gi' }),
      name: item => item.name,
      entry: entry => [
        text(draft, [...entry, 'name'], { label: 'Name', required: true }),
        text(draft, [...entry, 'mount_path'], { label: 'Mounted at', required: true }),
        text(draft, [...entry, 'claim'], { label: 'Claim', help: 'A PersistentVolumeClaim …' }),
        text(draft, [...entry, 'scratch'], {
          label: 'Scratch space',
          help: '… or a size that ends with the server.'
        }),
        check(draft, [...entry, 'in_memory'], { label: 'In memory' }),
        check(draft, [...entry, 'read_only'], { label: 'Read only' })
      ]
    })
  );
}
