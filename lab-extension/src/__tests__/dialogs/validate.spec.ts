import { nullTranslator } from '@jupyterlab/translation';
import type { ParameterField } from '../../api/types';
import type { ISubmitForm } from '../../dialogs/form';
import { EMPTY_FORM, fromMemory, toMemory } from '../../dialogs/form';
import type { FieldValue } from '../../dialogs/parameters';
import { initialValue, parseParameter } from '../../dialogs/parameters';
import { parseDuration, validate } from '../../dialogs/validate';

const trans = nullTranslator.load('windlass');

function parameter(type: string, rest: Partial<ParameterField> = {}): ParameterField {
  return { name: 'p', type, default: null, default_source: 'None', help: null, value: null, ...rest };
}

function check(form: Partial<ISubmitForm>, parameters: ParameterField[] = []) {
  return validate({ ...EMPTY_FORM, ...form }, { notebook: 'work/train.ipynb', parameters, trans });
}

describe('a form that was not touched', () => {
  it('asks for one process of the notebook, and says nothing that the server knows better', () => {
    expect(check({})).toEqual({
      errors: {},
      request: {
        notebook: 'work/train.ipynb',
        name: null,
        engine: null,
        workers: 1,
        processes_per_worker: 1,
        gpus_per_worker: 0,
        parameters: {},
        environment: null,
        include: [],
        exclude: [],
        time_limit_seconds: null,
        retries: 0,
        experiment: null,
        allow_secrets: false
      }
    });
  });

  it('sends no parameter', () => {
    expect(check({}, [parameter('int', { default: 3 })]).request?.parameters).toEqual({});
  });
});

describe('numbers and texts', () => {
  it.each<[string, Partial<ISubmitForm>, string]>([
    ['no workers', { workers: '0' }, 'workers'],
    ['half a worker', { workers: '1.5' }, 'workers'],
    ['too many workers', { workers: '1025' }, 'workers'],
    ['words for workers', { workers: 'two' }, 'workers'],
    ['nothing for workers', { workers: '' }, 'workers'],
    ['too many processes', { processesPerWorker: '129' }, 'processes_per_worker'],
    ['a negative number of GPUs', { gpusPerWorker: '-1' }, 'gpus_per_worker'],
    ['too many retries', { retries: '101' }, 'retries'],
    ['a time without a unit', { timeLimit: '90' }, 'time_limit_seconds'],
    ['a time of nothing', { timeLimit: '0s' }, 'time_limit_seconds'],
    ['more than sixty days', { timeLimit: '61d' }, 'time_limit_seconds'],
    ['a long name', { name: 'x'.repeat(201) }, 'name'],
    ['a long experiment', { experiment: 'x'.repeat(251) }, 'experiment'],
    ['too many patterns', { include: 'x\n'.repeat(201) }, 'include']
  ])('refuses %s, at its field', (_, form, field) => {
    const { request, errors } = check(form);

    expect(Object.keys(errors)).toEqual([field]);
    expect(request).toBeNull();
  });

  it('takes what is typed with blanks around it', () => {
    const { request } = check({
      name: ' run ',
      workers: ' 2 ',
      timeLimit: ' 1h 30m ',
      include: ' data/*.csv \n\n  models/ '
    });

    expect(request).toMatchObject({
      name: 'run',
      workers: 2,
      time_limit_seconds: 5400,
      include: ['data/*.csv', 'models/']
    });
  });

  it.each([
    ['45m', 2700],
    ['1.5h', 5400],
    ['1d 12h', 129_600],
    ['10 min', 600],
    ['30s', 30],
    ['2H', 7200],
    ['h', null],
    ['1 week', null],
    ['-5m', null],
    ['', null]
  ])('reads the duration %j', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });
});

describe('parameters', () => {
  it.each<[string, FieldValue, unknown]>([
    ['int', '3', 3],
    ['int', ' -3 ', -3],
    ['int', '1_000', 1000],
    ['float', '1e-3', 0.001],
    ['float', '.5', 0.5],
    ['float', '2', 2],
    ['str', '', ''],
    ['str', '$(rm -rf /) "quoted"', '$(rm -rf /) "quoted"'],
    ['bool', false, false],
    ['list', '[1, "a"]', [1, 'a']],
    ['dict', '{"a": [1]}', { a: [1] }],
    ['none', '', null],
    ['none', '3', 3],
    ['other', 'plain words', 'plain words'],
    ['other', '{"a": 1}', { a: 1 }]
  ])('reads %s from %j', (type, entered, value) => {
    expect(parseParameter(parameter(type), entered, trans)).toEqual({ value });
  });

  it.each<[string, string]>([
    ['int', '3.5'],
    ['int', ''],
    ['int', 'three'],
    ['int', '12345678901234567890'],
    ['float', 'fast'],
    ['float', 'NaN'],
    ['float', '1e999'],
    ['list', '{"a": 1}'],
    ['list', '[1,'],
    ['dict', '[1]'],
    ['dict', 'null']
  ])('refuses for %s: %j', (type, entered) => {
    expect(parseParameter(parameter(type), entered, trans).problem).toEqual(expect.any(String));
  });

  it('are sent when they were touched, also when it is the default again', () => {
    const fields = [parameter('int', { name: 'epochs', default: 3 }), parameter('float', { name: 'lr' })];

    expect(check({ parameters: { epochs: '3' } }, fields).request?.parameters).toEqual({ epochs: 3 });
  });

  it('say at their field what is wrong', () => {
    const { errors } = check({ parameters: { lr: 'x' } }, [parameter('float', { name: 'lr' })]);

    expect(Object.keys(errors)).toEqual(['parameters.lr']);
  });

  it('that the notebook no longer has are not sent', () => {
    expect(check({ parameters: { gone: '1' } }, []).request?.parameters).toEqual({});
  });

  it.each<[string, Partial<ParameterField>, FieldValue]>([
    ['bool', { default: true }, true],
    ['int', { default: 3 }, '3'],
    ['str', { default: 'a b' }, 'a b'],
    ['list', { default: [1, 2] }, '[1,2]'],
    ['none', { default: null }, ''],
    ['other', { default: null, default_source: 'os.getcwd()' }, '']
  ])('of type %s stand in their field as %j', (type, rest, shown) => {
    expect(initialValue(parameter(type, rest))).toBe(shown);
  });
});

describe('what is remembered of a form', () => {
  it('comes back as it was', () => {
    const form = { ...EMPTY_FORM, workers: '4', parameters: { lr: '0.1', debug: true } };

    expect(fromMemory(toMemory(form), EMPTY_FORM)).toEqual(form);
  });

  it('is never leave to send secrets, nor a secret', () => {
    const form = { ...EMPTY_FORM, allowSecrets: true, parameters: { api_key: 'x', hf_token: 'y', lr: '1' } };
    const again = fromMemory(toMemory(form), EMPTY_FORM);

    expect(again.allowSecrets).toBe(false);
    expect(again.parameters).toEqual({ lr: '1' });
    expect(fromMemory({ ...toMemory(form), allowSecrets: true }, EMPTY_FORM).allowSecrets).toBe(false);
  });

  it.each([
    undefined,
    null,
    'text',
    [],
    { workers: 3, parameters: 'none', unknown: 'x' },
    { parameters: { a: {} } }
  ])('is nothing when it is %j', remembered => {
    expect(fromMemory(remembered, EMPTY_FORM)).toEqual(EMPTY_FORM);
  });
});
