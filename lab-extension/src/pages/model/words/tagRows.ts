/** Tags while they are changed: as rows, and what of them the registry is to be told. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import type { RegisteredModel } from '../../../api/types';

type Tag = RegisteredModel['tags'][number];

/** A tag as it stands in its fields. */
export interface ITagRow {
  readonly id: string;
  readonly key: string;
  readonly value: string;
  /** Whether it is to be added: its name can be typed. */
  readonly isNew: boolean;
}

/** The tags there are, and a row for one more. */
export function rowsOf(tags: readonly Tag[]): ITagRow[] {
  const row = (key: string, value: string, isNew: boolean): ITagRow => ({
    id: UUID.uuid4(),
    key,
    value,
    isNew
  });
  return [...tags.map(({ key, value }) => row(key, value, false)), row('', '', true)];
}

/** What differs: the value of each tag that is new or changed, null for one that is gone. Rows without a name say nothing. */
export function changesOf(tags: readonly Tag[], rows: readonly ITagRow[]): Record<string, string | null> {
  const after = new Map(rows.map(({ key, value }) => [key.trim(), value]));
  after.delete('');
  const before = new Map(tags.map(({ key, value }) => [key, value]));
  const gone = [...before.keys()].filter(key => !after.has(key)).map(key => [key, null] as const);
  const set = [...after].filter(([key, value]) => before.get(key) !== value);
  return Object.fromEntries([...gone, ...set]);
}

/** Why these rows cannot be saved; null: they can. */
export function mistakeIn(rows: readonly ITagRow[], trans: TranslationBundle): string | null {
  if (rows.some(({ key, value }) => key.trim() === '' && value !== '')) {
    return trans.__('A tag needs a name.');
  }
  const keys = rows.map(({ key }) => key.trim()).filter(Boolean);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  return twice === undefined ? null : trans.__('There are two tags with the name “%1”.', twice);
}
