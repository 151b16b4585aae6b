/** What of a run is a number, and can be set against another: costs, metrics, parameters. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ComparedValue, Comparison } from '../../api/types';
import { numberOf } from './format';

/** A number that each run may have. */
export interface IQuantity {
  /** `metrics.<key>`, `params.<key>` or `attributes.<name>`, as in the list of runs. */
  readonly id: string;
  readonly label: string;
  /** One for each run; null where it is unknown or no finite number. */
  readonly values: readonly (number | null)[];
}

/** All quantities that at least one of the runs has. */
export function quantitiesOf(comparison: Comparison, trans: TranslationBundle): IQuantity[] {
  const { runs, metrics, params } = comparison;
  const own: IQuantity[] = [
    { id: 'attributes.cost', label: trans.__('Cost (USD)'), values: runs.map(run => run.cost_usd) },
    { id: 'attributes.gpu_hours', label: trans.__('GPU hours'), values: runs.map(run => run.gpu_hours) },
    {
      id: 'attributes.duration',
      label: trans.__('Duration (s)'),
      values: runs.map(run => run.duration_seconds)
    }
  ];
  const of = (prefix: string, rows: readonly ComparedValue[]): IQuantity[] =>
    rows.map(({ key, values }) => ({ id: `${prefix}.${key}`, label: key, values: values.map(numberOf) }));
  return [...own, ...of('metrics', metrics), ...of('params', params)].filter(({ values }) =>
    values.some(value => value !== null)
  );
}

/** What is set against what: as chosen where it is there, else a metric against the cost, or what comes nearest. */
export function axesOf(
  quantities: readonly IQuantity[],
  x: string | null,
  y: string | null
): [IQuantity, IQuantity] | null {
  const find = (id: string | null): IQuantity | undefined => quantities.find(quantity => quantity.id === id);
  const isMetric = ({ id }: IQuantity): boolean => /^metrics\.(?!windlass\.|system\/)/.test(id);
  const down = find(x) ?? quantities[0];
  const up = find(y) ?? quantities.find(isMetric) ?? quantities[1] ?? quantities[0];
  return down && up ? [down, up] : null;
}
