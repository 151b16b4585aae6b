/** The rows of the table of values: what runs are, were given, measured and ran with. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ComparedValue, Comparison } from '../../../api/types';
import { formatDuration } from '../../../components/duration';
import { formatMoment } from '../../../components/quantities';

/** Rows of one kind. */
export interface ISection {
  readonly name: string;
  readonly rows: readonly ComparedValue[];
}

/** All sections, those without rows too. */
export function sectionsOf(comparison: Comparison, trans: TranslationBundle): ISection[] {
  const { params, metrics, code, data, packages } = comparison;
  return [
    { name: trans.__('Run'), rows: aboutRuns(comparison, trans) },
    { name: trans.__('Parameters'), rows: params },
    { name: trans.__('Metrics'), rows: metrics },
    { name: trans.__('Code'), rows: code },
    { name: trans.__('Data'), rows: data },
    { name: trans.__('Packages'), rows: packages }
  ];
}

/** Of a section what is asked for: what differs, and has the text in its name. */
export function filtered(section: ISection, isOnlyDifferences: boolean, text: string): ISection {
  const wanted = text.trim().toLocaleLowerCase();
  const rows = section.rows.filter(
    ({ key, differs }) =>
      (differs || !isOnlyDifferences) && (wanted === '' || key.toLocaleLowerCase().includes(wanted))
  );
  return { ...section, rows };
}

/** When, how long, by whom and what it cost; that these differ is the rule, and no news. */
function aboutRuns({ runs }: Comparison, trans: TranslationBundle): ComparedValue[] {
  const row = (key: string, values: (string | number | null)[]): ComparedValue => ({
    key,
    values,
    differs: new Set(values).size > 1
  });
  return [
    row(
      trans.__('Started'),
      runs.map(run => run.started_at && formatMoment(run.started_at))
    ),
    row(
      trans.__('Duration'),
      runs.map(run => (run.duration_seconds === null ? null : formatDuration(run.duration_seconds)))
    ),
    row(
      trans.__('User'),
      runs.map(run => run.user)
    ),
    row(
      trans.__('Cost (USD)'),
      runs.map(run => run.cost_usd)
    ),
    row(
      trans.__('GPU hours'),
      runs.map(run => run.gpu_hours)
    )
  ].filter(({ values }) => values.some(value => value !== null));
}

/** Whether a run's value is another than the first run's. */
export function isOther({ values }: ComparedValue, run: number): boolean {
  return values[run] !== values[0];
}
