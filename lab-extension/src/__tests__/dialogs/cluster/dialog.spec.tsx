import { act, configure, fireEvent, waitFor, within } from '@testing-library/react';
import { WindlassError } from '../../../api/errors';
import type { ClusterOffers, JobPreview, JsonValue } from '../../../api/types';
import type { IMemoryStore } from '../../../dialogs/memory';
import type { IFakeWindlass } from '../../fakes';
import { failure, makeInfo, makeOffers, makeProblem } from '../../fakes';
import type { IOpened } from '../opening';
import { closeDialog, engine, finding, makePreview, openDialog, ready, submitButton, type } from '../opening';

// jsdom takes a <dialog> without `open` for hidden; JupyterLab shows its own by style.
configure({ defaultHidden: true });

const RICH: Partial<ClusterOffers> = {
  gpus: [
    { product: 'Tesla-T4', share: 'whole', mig_profile: null, resource: 'nvidia.com/gpu', total: 8, free: 3 },
    {
      product: 'A100',
      share: 'mig',
      mig_profile: '1g.5gb',
      resource: 'nvidia.com/mig-1g.5gb',
      total: null,
      free: null
    }
  ],
  images: [
    { image: 'hub/lab:1', display_name: 'This server’s image', description: 'As here.', origin: 'server' },
    { image: 'team/torch:2', display_name: 'PyTorch 2', description: '', origin: 'catalogue' }
  ],
  claims: [
    { name: 'imagenet-dataset', bound: true, access_modes: ['ReadOnlyMany'], capacity_bytes: 150e9 },
    { name: 'scratch', bound: false, access_modes: [], capacity_bytes: null }
  ],
  queues: [{ name: 'team-a', pending: 2, admitted: null }],
  priority_classes: ['low'],
  node_classes: ['spot', 'on-demand']
};

interface IArrange {
  offers?: Partial<ClusterOffers>;
  preview?: Partial<JobPreview>;
  arrange?: (windlass: IFakeWindlass) => void;
  path?: string;
  store?: IMemoryStore;
}

/** The dialog with a cluster that can be chosen. */
async function openWithCluster(options: IArrange = {}): Promise<IOpened> {
  return openDialog({
    ...options,
    arrange: windlass => {
      windlass.client.info.mockResolvedValue(
        makeInfo({ engines: [engine('local', true, null), engine('kubernetes', true, null)] })
      );
      windlass.client.cluster.mockImplementation(async () => makeOffers(options.offers ?? RICH));
      windlass.client.preview.mockImplementation(async ({ engine: name }) =>
        makePreview({
          engine: name ?? 'local',
          kind: name === 'kubernetes' ? 'PyTorchJob' : 'torchrun',
          kind_reason: name === 'kubernetes' ? 'Its operator is there.' : null,
          ...options.preview
        })
      );
      options.arrange?.(windlass);
    }
  });
}

/** The same, with the cluster chosen. */
async function openOnCluster(options: IArrange = {}): Promise<IOpened> {
  const opened = await openWithCluster(options);
  const cluster = await opened.dialog.findByRole('radio', { name: 'Cluster' });
  await act(async () => cluster.click());
  await opened.dialog.findByLabelText('CPU cores');
  return opened;
}

function choose(opened: IOpened, label: string, text: string): void {
  const list = opened.dialog.getByLabelText<HTMLSelectElement>(label);
  const option = [...list.options].find(({ textContent }) => textContent === text);
  fireEvent.change(list, { target: { value: option?.value ?? `no “${text}”` } });
}

async function sent(opened: IOpened) {
  await ready(opened);
  await act(async () => submitButton(opened).click());
  await opened.answer;
  return opened.windlass.client.submit.mock.calls[0]?.[0];
}

afterEach(closeDialog);

describe('the switch between engines', () => {
  it('asks a cluster nothing before it is chosen, and sends nothing of it to this machine', async () => {
    const opened = await openWithCluster();

    expect(opened.dialog.queryByLabelText('CPU cores')).toBeNull();
    expect(opened.windlass.client.cluster).not.toHaveBeenCalled();
    const request = await sent(opened);
    expect(request).not.toHaveProperty('cluster');
    expect(request).not.toHaveProperty('kind');
  });

  it('is not there when there is one engine', async () => {
    const opened = await openDialog({
      arrange: ({ client }) =>
        client.info.mockResolvedValue(makeInfo({ engines: [engine('local', true, null)] }))
    });
    await ready(opened);

    expect(opened.dialog.queryByRole('radio')).toBeNull();
  });

  it('brings the cluster’s fields at once where a cluster is the default', async () => {
    const opened = await openWithCluster({
      arrange: ({ client }) =>
        client.info.mockResolvedValue(
          makeInfo({ default_engine: 'kubernetes', engines: [engine('kubernetes', true, null)] })
        )
    });

    expect(await opened.dialog.findByLabelText('CPU cores')).toBeTruthy();
    expect(await sent(opened)).toMatchObject({ engine: null, cluster: { install_packages: true } });
  });
});

describe('a job for a cluster', () => {
  it('is sent with what was chosen of what is offered', async () => {
    const opened = await openOnCluster();
    await opened.dialog.findByLabelText('Queue');
    type(opened, 'Workers', '8');
    type(opened, 'GPUs per worker', '1');
    type(opened, 'Memory', '32Gi');
    choose(opened, 'GPU', 'Tesla T4 (3 of 8 free)');
    choose(opened, 'Queue', 'team-a (2 waiting, – running)');
    choose(opened, 'Nodes', 'Spot');
    choose(opened, 'Image', 'PyTorch 2');
    choose(opened, 'Kind', 'PyTorchJob');
    fireEvent.click(opened.dialog.getByRole('button', { name: 'Mount a volume claim' }));
    fireEvent.click(opened.dialog.getByLabelText('Read-only'));

    expect(await sent(opened)).toMatchObject({
      engine: 'kubernetes',
      kind: 'PyTorchJob',
      workers: 8,
      gpus_per_worker: 1,
      cluster: {
        image: 'team/torch:2',
        memory_bytes: 32 * 2 ** 30,
        gpu: { product: 'Tesla-T4', share: 'whole', resource: 'nvidia.com/gpu' },
        node_class: 'spot',
        queue: 'team-a',
        volumes: [{ claim: 'imagenet-dataset', path: '/data', read_only: true }]
      }
    });
  });

  it('shows only what this cluster offers', async () => {
    const { dialog } = await openOnCluster({ offers: {} });
    await waitFor(() => expect(dialog.queryByText(/asked what it offers/)).toBeNull());

    for (const label of ['Queue', 'Nodes', 'Priority', 'Training runtime', 'GPUs per worker']) {
      expect(dialog.queryByLabelText(label)).toBeNull();
    }
    expect(dialog.queryByRole('button', { name: 'Mount a volume claim' })).toBeNull();
    const kinds = dialog.getByLabelText<HTMLSelectElement>('Kind');
    expect([...kinds.options].map(({ textContent }) => textContent)).toEqual([
      'Automatic',
      'PyTorchJob',
      'Job'
    ]);
    expect(dialog.getByText('TrainJob: The cluster has no Kubeflow Trainer.')).toBeTruthy();
  });

  it('leaves GPUs and claims to be typed where the cluster could not say what it has', async () => {
    const opened = await openOnCluster({ offers: { problems: ['Nodes are not shown.'] } });

    expect(await opened.dialog.findByText('Nodes are not shown.')).toBeTruthy();
    type(opened, 'GPUs per worker', '2');
    fireEvent.click(opened.dialog.getByRole('button', { name: 'Mount a volume claim' }));
    type(opened, 'Claim', 'mine');
    type(opened, 'Image', 'team/own:3');
    expect(await sent(opened)).toMatchObject({
      gpus_per_worker: 2,
      cluster: { image: 'team/own:3', volumes: [{ claim: 'mine', path: '/data' }] }
    });
  });

  it('says which kind it becomes, and why, but not of fields that nobody has looked at', async () => {
    const opened = await openOnCluster();
    const { dialog } = opened;

    expect(await dialog.findByText(/Runs as PyTorchJob\. Its operator is there\./)).toBeTruthy();
    type(opened, 'Memory', '32');
    expect(dialog.queryByText(/Runs as PyTorchJob/)).toBeNull();
    expect(dialog.getByText(/Namespace: jobs-ada/)).toBeTruthy();
  });

  it('folds away nothing that was chosen', async () => {
    const opened = await openOnCluster();
    const fold = () => opened.dialog.getByText('More').closest('details');
    expect(fold()?.open).toBe(false);
    choose(opened, 'Kind', 'Job');
    fireEvent.click(opened.dialog.getByRole('tab', { name: /Preview/ }));
    fireEvent.click(opened.dialog.getByRole('tab', { name: 'Run' }));

    expect(fold()?.open).toBe(true);
  });

  it('takes any image by its name', async () => {
    const opened = await openOnCluster();
    await opened.dialog.findByLabelText('Image');
    choose(opened, 'Image', 'Another image…');
    expect(opened.dialog.getByText('While this is empty: hub/lab:1')).toBeTruthy();
    type(opened, 'Name of the image', 'not an image');
    expect(opened.dialog.queryByText(/While this is empty/)).toBeNull();
    expect(opened.dialog.getByText(/Enter an image such as/)).toBeTruthy();
    type(opened, 'Name of the image', 'ghcr.io/me/train:3');

    expect((await sent(opened))?.cluster?.image).toBe('ghcr.io/me/train:3');
  });

  it('shows what the server refuses at its field, unfolds it, and forgets it when that is mended', async () => {
    const problem = makeProblem({
      status: 422,
      detail: 'Two things are wrong.',
      fields: [
        { field: 'cluster.volumes.0.path', message: 'The image needs /opt itself.' },
        { field: 'cluster.priority_class', message: 'There is no such class.' }
      ]
    });
    const opened = await openOnCluster({
      arrange: ({ client }) =>
        client.submit.mockRejectedValueOnce(
          new WindlassError({ kind: 'problem', status: 422, message: '', problem })
        )
    });
    fireEvent.click(await opened.dialog.findByRole('button', { name: 'Mount a volume claim' }));
    type(opened, 'Mounted at', '/opt');
    await ready(opened);
    await act(async () => submitButton(opened).click());

    expect(await opened.dialog.findByText('The image needs /opt itself.')).toBeTruthy();
    expect(opened.dialog.getByText('The server refused this: see the marked fields under Run.')).toBeTruthy();
    expect(opened.dialog.getByText('There is no such class.').closest('details')?.open).toBe(true);
    type(opened, 'Mounted at', '/data');
    expect(opened.dialog.queryByText('The image needs /opt itself.')).toBeNull();
    expect(opened.dialog.getByText('There is no such class.')).toBeTruthy();
  });

  it('keeps volumes apart when one of them is removed', async () => {
    const opened = await openOnCluster();
    const add = await opened.dialog.findByRole('button', { name: 'Mount a volume claim' });
    fireEvent.click(add);
    fireEvent.click(add);
    fireEvent.click(opened.dialog.getByRole('button', { name: 'Remove volume imagenet-dataset' }));

    expect(document.activeElement).toBe(add);
    expect((await sent(opened))?.cluster?.volumes).toMatchObject([
      { claim: 'scratch', path: '/data/scratch' }
    ]);
  });

  it('is remembered, and what is no longer offered is marked', async () => {
    const kept = new Map<string, unknown>();
    const store: IMemoryStore = {
      fetch: async id => kept.get(id) as JsonValue | undefined,
      save: async (id, value) => kept.set(id, JSON.parse(JSON.stringify(value)))
    };
    const first = await openOnCluster({ path: 'c.ipynb', store });
    await first.dialog.findByLabelText('Queue');
    choose(first, 'Queue', 'team-a (2 waiting, – running)');
    type(first, 'Memory', '8Gi');
    await sent(first);

    const { dialog } = await openWithCluster({ path: 'c.ipynb', store, offers: {} });
    expect((await dialog.findByLabelText<HTMLInputElement>('Memory')).value).toBe('8Gi');
    await waitFor(() =>
      expect(dialog.getByLabelText<HTMLSelectElement>('Queue').selectedOptions[0]?.textContent).toBe(
        'team-a (not offered)'
      )
    );
  });
});

describe('what a cluster offers', () => {
  it('that is on its way is said, and the rest can be filled in', async () => {
    const opened = await openOnCluster({
      arrange: ({ client }) => client.cluster.mockReturnValue(new Promise(() => undefined))
    });

    expect(opened.dialog.getByText('The cluster is asked what it offers…')).toBeTruthy();
    type(opened, 'CPU cores', '2');
    expect((await sent(opened))?.cluster?.cpu).toBe(2);
  });

  it.each([
    ['cannot be had', failure('offline'), /does not answer/],
    ['may not be seen', failure('forbidden', 403), /not allowed/]
  ])('that %s is said, and can be asked for again', async (_, error, words) => {
    const { dialog } = await openOnCluster({
      arrange: ({ client }) => client.cluster.mockRejectedValueOnce(error)
    });
    expect(await dialog.findByText(words)).toBeTruthy();
    fireEvent.click(dialog.getByRole('button', { name: 'Try again' }));

    expect(await dialog.findByLabelText('Queue')).toBeTruthy();
  });
});

describe('a finding’s fix', () => {
  const fixable = finding({
    rule: 'no-such-queue',
    severity: 'error',
    message: 'There is no queue team-z.',
    fix: 'Use team-a.',
    cell: null,
    apply: { cluster: { queue: 'team-a', memory_bytes: 2 ** 30 } }
  });

  it('is merged into the form at a press, looked at again, and told to those who do not see it', async () => {
    const opened = await openOnCluster({
      arrange: ({ client }) =>
        client.preview.mockImplementation(async ({ engine: name, cluster }) =>
          cluster?.queue === 'team-a'
            ? makePreview({ engine: name ?? '' })
            : makePreview({ engine: name ?? '', findings: [fixable], can_submit: false })
        )
    });
    type(opened, 'CPU cores', '3');
    fireEvent.click(opened.dialog.getByRole('tab', { name: /Preview/ }));
    const button = await opened.dialog.findByRole('button', { name: 'Apply' });
    const described = document.getElementById(button.getAttribute('aria-describedby') ?? '');
    expect(described?.textContent).toContain('There is no queue team-z.');
    await act(async () => button.click());

    expect(await opened.dialog.findByText('Applied; 0 findings now.')).toBe(document.activeElement);
    expect(opened.dialog.queryByRole('button', { name: 'Apply' })).toBeNull();
    expect((await sent(opened))?.cluster).toMatchObject({ queue: 'team-a', memory_bytes: 2 ** 30, cpu: 3 });
  });

  it('may set what has no field: that is shown, and can be left out again', async () => {
    const opened = await openOnCluster({
      preview: { findings: [finding({ apply: { cluster: { bundle_claim: 'scratch' } } })] }
    });
    fireEvent.click(opened.dialog.getByRole('tab', { name: /Preview/ }));
    const apply = await opened.dialog.findByRole('button', { name: 'Apply' });
    await act(async () => apply.click());
    fireEvent.click(opened.dialog.getByRole('tab', { name: 'Run' }));
    expect(opened.dialog.getByText('bundle_claim: "scratch"')).toBeTruthy();
    fireEvent.click(opened.dialog.getByRole('button', { name: 'Leave these out' }));

    expect((await sent(opened))?.cluster).not.toHaveProperty('bundle_claim');
  });

  it('that the form has no place for is only told', async () => {
    const opened = await openWithCluster({
      preview: { findings: [finding({ apply: { allow_secrets: true } })] }
    });
    fireEvent.click(opened.dialog.getByRole('tab', { name: /Preview/ }));

    expect(await opened.dialog.findByText('Save on rank 0.')).toBeTruthy();
    expect(opened.dialog.queryByRole('button', { name: 'Apply' })).toBeNull();
  });
});

describe('the manifest', () => {
  it('has a tab of its own where there is one, with a way to copy each object', async () => {
    const copied: string[] = [];
    Object.assign(document, {
      execCommand: () => {
        const event = new Event('copy') as Event & { clipboardData?: unknown };
        event.clipboardData = { setData: (_: string, text: string) => copied.push(text) };
        return document.body.dispatchEvent(event);
      }
    });
    const opened = await openOnCluster({
      preview: {
        manifests: [
          { kind: 'ConfigMap', metadata: { name: 'train-1' } },
          { kind: 'PyTorchJob', metadata: { name: 'train-1' }, spec: { nprocPerNode: '1' } }
        ]
      }
    });
    fireEvent.click(await opened.dialog.findByRole('tab', { name: 'Manifest' }));
    const job = within(await opened.dialog.findByRole('region', { name: 'PyTorchJob train-1' }));
    const yaml = 'kind: PyTorchJob\nmetadata:\n  name: train-1\nspec:\n  nprocPerNode: "1"\n';
    expect(job.getByText(/nprocPerNode/).textContent).toBe(yaml);
    fireEvent.click(job.getByRole('button', { name: 'Copy PyTorchJob train-1' }));

    expect(opened.dialog.getByText('Copied: PyTorchJob train-1')).toBeTruthy();
    expect(copied.at(-1)).toBe(yaml);
  });

  it('has none on this machine', async () => {
    const opened = await openWithCluster();
    await ready(opened);

    expect(opened.dialog.queryByRole('tab', { name: 'Manifest' })).toBeNull();
  });
});
