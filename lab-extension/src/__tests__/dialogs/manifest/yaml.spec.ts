import { toYaml } from '../../../dialogs/manifest/yaml';

const { load, loadAll } = jest.requireActual<{
  load: (text: string) => unknown;
  loadAll: (text: string) => unknown[];
}>('js-yaml');

/** Numbers that look random and are the same at every run (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('JSON as YAML', () => {
  it('is as people write it', () => {
    const job = {
      apiVersion: 'kubeflow.org/v1',
      kind: 'PyTorchJob',
      metadata: { name: 'train-1', labels: {}, annotations: { 'windlass.io/job': '01' } },
      spec: {
        suspend: false,
        args: ['--lr', '0.1', 'a b', 'yes'],
        containers: [{ name: 'pytorch', resources: { limits: { 'nvidia.com/gpu': 1, memory: '32Gi' } } }],
        script: 'import os\nprint(os.getcwd())\n',
        tolerations: []
      }
    };

    expect(toYaml([job])).toBe(
      `apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata:
  name: train-1
  labels: {}
  annotations:
    windlass.io/job: "01"
spec:
  suspend: false
  args:
  - "--lr"
  - "0.1"
  - a b
  - "yes"
  containers:
  - name: pytorch
    resources:
      limits:
        nvidia.com/gpu: 1
        memory: "32Gi"
  script: |
    import os
    print(os.getcwd())
  tolerations: []
`
    );
  });

  it('puts documents apart', () => {
    expect(loadAll(toYaml([{ a: 1 }, { b: [2] }]))).toEqual([{ a: 1 }, { b: [2] }]);
  });

  it.each([
    '',
    ' ',
    '~',
    'null',
    'No',
    'y',
    '1',
    '0x1f',
    '1e3',
    '2026-11-23',
    '12:30:45',
    '.5',
    '.nan',
    '-',
    '- a',
    '? b',
    '# c',
    'a # b',
    'a: b',
    'a:',
    '*x',
    '&x',
    '!x',
    '%x',
    '@x',
    '`x',
    '{a}',
    '[a]',
    "it's",
    '"q"',
    '<<',
    '=',
    '---',
    '...',
    'a\tb',
    'a\r\nb',
    'two\nlines',
    'two\nlines\n',
    'two\nlines\n\n\n',
    '\nlines',
    ' two\nlines',
    'two \nlines',
    'two\n  lines',
    'two\n\n\nlines',
    'a\n# b\n- c: d\n---\n...\n',
    'tab\n\tin\nit',
    'nul\u0000',
    'del\u007f\u0085',
    'separators\u2028\u2029',
    '\ufeffmark',
    'ümläut 日本語 🚀',
    'http://mlflow:5000',
    'registry:5000/team/image@sha256:abc',
    'x'.repeat(5000)
  ])('keeps the text %j', text => {
    expect(load(toYaml([{ a: text, [text]: [text, [text], { b: text }] }]))).toEqual({
      a: text,
      [text]: [text, [text], { b: text }]
    });
    expect(load(toYaml([[text]]))).toEqual([text]);
  });

  it('keeps whatever is JSON', () => {
    const next = sequence(7);
    const pieces = [
      'a',
      ' ',
      '\n',
      ':',
      '#',
      '-',
      '"',
      "'",
      '0',
      '\t',
      '{',
      '[',
      ',',
      '|',
      'é',
      '\\',
      '&',
      '*'
    ];
    const text = () =>
      Array.from({ length: Math.floor(next() * 9) }, () => pieces[Math.floor(next() * pieces.length)]).join(
        ''
      );
    const value = (depth: number): unknown => {
      const size = Math.floor(next() * 4);
      switch (Math.floor(next() * (depth > 0 ? 6 : 4))) {
        case 0:
          return [true, false, null][Math.floor(next() * 3)];
        case 1:
          return [0, -1, 3.25, 1e21, 2 ** 53][Math.floor(next() * 5)];
        case 4:
          return Array.from({ length: size }, () => value(depth - 1));
        case 5:
          return Object.fromEntries(Array.from({ length: size }, () => [text(), value(depth - 1)]));
        default:
          return text();
      }
    };
    for (let round = 0; round < 2000; round++) {
      const made = value(4);
      expect(load(toYaml([made]))).toEqual(made);
    }
  });
});
