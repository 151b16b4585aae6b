import { nullTranslator } from '@jupyterlab/translation';
import type { OfferedGpu } from '../../../api/types';
import { describeFree, describeGpu, fromText, offerOf, toText } from '../../../dialogs/cluster/gpus';
import { patchCluster } from '../../../dialogs/cluster/patch';
import { readCluster } from '../../../dialogs/cluster/read';
import { formatSize, parseCpu, parseSize } from '../../../dialogs/cluster/sizes';
import type { IClusterForm } from '../../../dialogs/clusterForm';
import { EMPTY_CLUSTER_FORM, rememberedCluster } from '../../../dialogs/clusterForm';

const trans = nullTranslator.load('windlass');

function read(form: Partial<IClusterForm>) {
  return readCluster({ ...EMPTY_CLUSTER_FORM, ...form }, trans);
}

describe('sizes', () => {
  it.each<[string, number | null]>([
    ['32Gi', 32 * 2 ** 30],
    ['32 GiB', 32 * 2 ** 30],
    ['512mi', 512 * 2 ** 20],
    ['1.5G', 1.5e9],
    ['2 TB', 2e12],
    ['4096B', 4096],
    ['32', null],
    ['', null],
    ['-1Gi', null],
    ['1e3Gi', null],
    ['Gi', null],
    ['1 Gi 2', null]
  ])('read %j as %j', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each<[number, string]>([
    [32 * 2 ** 30, '32Gi'],
    [512 * 2 ** 20, '512Mi'],
    [32e9, '32G'],
    [1536 * 2 ** 20, '1536Mi'],
    [12_345, '12345B'],
    [0, '0B']
  ])('write %j as %j, which reads as the same', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
    expect(parseSize(text)).toBe(bytes);
  });

  it.each<[string, number | null]>([
    ['4', 4],
    ['0.5', 0.5],
    ['500m', 0.5],
    ['', null],
    ['four', null],
    ['4 cores', null]
  ])('read %j cores as %j', (text, cores) => {
    expect(parseCpu(text)).toBe(cores);
  });
});

describe('GPUs', () => {
  const mig: OfferedGpu = {
    product: 'NVIDIA-A100-SXM4-40GB',
    share: 'mig',
    mig_profile: '1g.5gb',
    resource: 'nvidia.com/mig-1g.5gb',
    total: 7,
    free: null
  };
  const whole: OfferedGpu = {
    ...mig,
    share: 'whole',
    mig_profile: null,
    resource: 'nvidia.com/gpu',
    free: 0
  };

  it('are the same after they stood in a list', () => {
    const { product, share, mig_profile, resource } = mig;
    expect(fromText(toText(mig))).toEqual({ product, share, mig_profile, resource });
    expect(toText({})).toBe('');
    expect(fromText('')).toEqual({ product: null, share: 'whole', mig_profile: null, resource: null });
    expect(fromText('not what we wrote')).toEqual(fromText(''));
    expect(fromText('[1, 2]')).toEqual(fromText(''));
  });

  it('are found among the offers also when it is not said what the cluster calls them', () => {
    expect(offerOf(toText({ product: whole.product }), [mig, whole])).toBe(whole);
    expect(offerOf(toText({ share: 'mig', mig_profile: '1g.5gb' }), [whole, mig])).toBe(mig);
    expect(offerOf(toText({ product: 'Tesla-T4' }), [mig, whole])).toBeUndefined();
  });

  it('are named with their share, and counted as far as that is known', () => {
    expect(describeGpu(mig, trans)).toBe('NVIDIA A100 SXM4 40GB, MIG 1g.5gb');
    expect(describeGpu({ ...whole, share: 'time-sliced' }, trans)).toBe('NVIDIA A100 SXM4 40GB, time-sliced');
    expect(describeGpu({ ...whole, product: 'Tesla-T4-SHARED', share: 'time-sliced' }, trans)).toBe(
      'Tesla T4, time-sliced'
    );
    expect(describeFree(mig, trans)).toBe('7 in all');
    expect(describeFree(whole, trans)).toBe('0 of 7 free');
    expect(describeFree({ ...mig, total: null }, trans)).toBe('');
  });
});

describe('the fields about a cluster', () => {
  it('are the server’s own choice when nobody touched them', () => {
    expect(read({})).toEqual({
      kind: null,
      errors: {},
      options: {
        image: null,
        cpu: null,
        memory_bytes: null,
        shared_memory_bytes: null,
        gpu: fromText(''),
        node_class: null,
        queue: null,
        priority_class: null,
        runtime: null,
        volumes: [],
        install_packages: true
      }
    });
  });

  it('become options', () => {
    const { kind, options, errors } = read({
      kind: 'PyTorchJob',
      image: ' registry.io/team/train:1 ',
      cpu: '500m',
      memory: '32Gi',
      nodeClass: 'spot',
      volumes: [{ claim: 'imagenet-dataset', path: '/data', subPath: '', isReadOnly: true }],
      other: { bundle_claim: 'scratch', image: 'from a fix' }
    });
    expect(errors).toEqual({});
    expect(kind).toBe('PyTorchJob');
    expect(options).toMatchObject({
      image: 'registry.io/team/train:1',
      cpu: 0.5,
      memory_bytes: 32 * 2 ** 30,
      node_class: 'spot',
      volumes: [{ claim: 'imagenet-dataset', path: '/data', sub_path: null, read_only: true }],
      bundle_claim: 'scratch'
    });
  });

  it.each<[Partial<IClusterForm>, string]>([
    [{ image: 'a b' }, 'cluster.image'],
    [{ image: '$(id)' }, 'cluster.image'],
    [{ cpu: '0' }, 'cluster.cpu'],
    [{ cpu: '2000' }, 'cluster.cpu'],
    [{ memory: '32' }, 'cluster.memory_bytes'],
    [{ memory: '1Mi' }, 'cluster.memory_bytes'],
    [{ sharedMemory: 'lots' }, 'cluster.shared_memory_bytes'],
    [{ volumes: [{ claim: '', path: '/a', subPath: '', isReadOnly: false }] }, 'cluster.volumes.0.claim'],
    [{ volumes: [{ claim: 'c', path: 'a', subPath: '', isReadOnly: false }] }, 'cluster.volumes.0.path'],
    [
      { volumes: [{ claim: 'c', path: '/a/../b', subPath: '', isReadOnly: false }] },
      'cluster.volumes.0.path'
    ],
    [
      {
        volumes: [
          { claim: 'c', path: '/a', subPath: '', isReadOnly: false },
          { claim: 'd', path: '/a/', subPath: '', isReadOnly: false }
        ]
      },
      'cluster.volumes.1.path'
    ]
  ])('say of %j what is wrong at %s', (form, field) => {
    expect(Object.keys(read(form).errors)).toEqual([field]);
  });

  it('are remembered as far as they are understood', () => {
    const form: IClusterForm = {
      ...EMPTY_CLUSTER_FORM,
      image: 'x:1',
      installPackages: false,
      volumes: [{ claim: 'c', path: '/c', subPath: 's', isReadOnly: true }],
      other: { bundle_claim: 'b' }
    };
    expect(rememberedCluster(JSON.parse(JSON.stringify(form)))).toEqual(form);
    const damaged = { image: 3, volumes: [{ claim: 1, path: '/p' }, null, 'x'], other: [], unknown: 'y' };
    expect(rememberedCluster(damaged)).toEqual({
      ...EMPTY_CLUSTER_FORM,
      volumes: [{ claim: '', path: '/p', subPath: '', isReadOnly: false }]
    });
    expect(rememberedCluster(null)).toEqual(EMPTY_CLUSTER_FORM);
  });
});

describe('a fix of options', () => {
  it('changes the fields it names, and keeps what has no field', () => {
    const form = { ...EMPTY_CLUSTER_FORM, memory: 'lots', queue: 'team-a', other: { keep_seconds: 60 } };
    const fixed = patchCluster(form, {
      memory_bytes: 16 * 2 ** 30,
      cpu: 2,
      queue: null,
      gpu: { product: 'Tesla-T4' },
      volumes: [{ claim: 'data', path: '/data', read_only: true }],
      bundle_claim: 'scratch',
      node_selector: { zone: 'a' }
    });
    expect(fixed).toEqual({
      ...EMPTY_CLUSTER_FORM,
      memory: '16Gi',
      cpu: '2',
      gpu: toText({ product: 'Tesla-T4' }),
      volumes: [{ claim: 'data', path: '/data', subPath: '', isReadOnly: true }],
      other: { keep_seconds: 60, bundle_claim: 'scratch', node_selector: { zone: 'a' } }
    });
    expect(patchCluster(fixed, { bundle_claim: null, gpu: null }).other).toEqual({
      keep_seconds: 60,
      node_selector: { zone: 'a' }
    });
    expect(form.queue).toBe('team-a');
  });

  it('goes into the GPU that was chosen', () => {
    const form = {
      ...EMPTY_CLUSTER_FORM,
      gpu: toText({ product: 'A', share: 'mig', mig_profile: '1g.5gb' })
    };
    const { gpu } = patchCluster(form, { gpu: { mig_profile: '2g.10gb' } });

    expect(fromText(gpu)).toEqual({ product: 'A', share: 'mig', mig_profile: '2g.10gb', resource: null });
  });

  it('keeps what was typed wrongly where it does not say otherwise', () => {
    expect(patchCluster({ ...EMPTY_CLUSTER_FORM, memory: 'lots' }, { cpu: 1 }).memory).toBe('lots');
  });
});
