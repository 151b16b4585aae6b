import type { ParameterField } from '../../api/types';
import { patchCluster } from '../../dialogs/cluster/patch';
import { applyFix, canApply } from '../../dialogs/fix';
import { EMPTY_FORM, withoutUnder } from '../../dialogs/form';

const epochs: ParameterField = {
  name: 'epochs',
  type: 'int',
  default: 3,
  default_source: '3',
  help: null,
  value: 3
};
const context = { parameters: [epochs], patchCluster };

describe('a fix', () => {
  it('changes what it names and nothing else', () => {
    const form = { ...EMPTY_FORM, workers: 'many', include: 'a', parameters: { epochs: '7', lr: '1' } };
    const fixed = applyFix(
      form,
      {
        gpus_per_worker: 2,
        include: ['a', 'b/*.csv'],
        time_limit_seconds: 5400,
        environment: 'py311',
        parameters: { epochs: 1 },
        kind: 'Job',
        cluster: { queue: 'team-a' }
      },
      context
    );

    expect(fixed).toEqual({
      ...form,
      gpusPerWorker: '2',
      include: 'a\nb/*.csv',
      timeLimit: '90m',
      environment: 'py311',
      parameters: { epochs: '1', lr: '1' },
      cluster: { ...EMPTY_FORM.cluster, kind: 'Job', queue: 'team-a' }
    });
  });

  it('takes away what it says is null', () => {
    const form = { ...EMPTY_FORM, experiment: 'x', workers: '4', parameters: { epochs: '7', lr: '1' } };
    const fixed = applyFix(form, { experiment: null, workers: null, parameters: { epochs: null } }, context);

    expect(fixed).toEqual({ ...form, experiment: '', workers: '1', parameters: { lr: '1' } });
    expect(applyFix(form, { parameters: null }, context).parameters).toEqual({});
  });

  it.each<[number, string]>([
    [86_400, '1d'],
    [7200, '2h'],
    [90, '90s'],
    [60, '1m']
  ])('of a limit of %d seconds is shown as %s', (seconds, text) => {
    expect(applyFix(EMPTY_FORM, { time_limit_seconds: seconds }, context).timeLimit).toBe(text);
  });

  it('can be applied when all it changes is in the form, and never gives leave to send secrets', () => {
    expect(canApply({ workers: 1, cluster: { bundle_claim: 'x' } })).toBe(true);
    expect(canApply({ allow_secrets: true })).toBe(false);
    expect(canApply({ workers: 1, invented_later: 1 })).toBe(false);
    expect(canApply({})).toBe(false);
    expect(applyFix(EMPTY_FORM, { allow_secrets: true }, context)).toEqual(EMPTY_FORM);
  });
});

it('what is said of a field goes with all that lies under it', () => {
  const errors = { 'cluster.gpu': 'a', 'cluster.gpu.product': 'b', 'cluster.gpus': 'c' };

  expect(withoutUnder(errors, 'cluster.gpu')).toEqual({ 'cluster.gpus': 'c' });
});
