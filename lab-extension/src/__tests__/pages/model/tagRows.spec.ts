import { changesOf, mistakeIn, rowsOf, type ITagRow } from '../../../pages/model/words/tagRows';
import { fakeWindlass } from '../../fakes';

const TAGS = [
  { key: 'stage', value: 'trial' },
  { key: 'team', value: 'risk' }
];

describe('tags while they are changed', () => {
  const { trans } = fakeWindlass();
  const [stage, team, fresh] = rowsOf(TAGS) as [ITagRow, ITagRow, ITagRow];

  it('tell the registry nothing when they are as they were', () => {
    expect(changesOf(TAGS, [stage, team, fresh])).toEqual({});
  });

  it('tell of those that were changed, added and removed, and of no others', () => {
    const rows = [
      { ...stage, value: 'live' },
      { ...fresh, key: ' owner ', value: 'ada' }
    ];
    expect(changesOf(TAGS, rows)).toEqual({ team: null, stage: 'live', owner: 'ada' });
  });

  it('that were removed and added again are changed, not removed', () => {
    expect(changesOf(TAGS, [stage, { ...fresh, key: 'team', value: 'fraud' }])).toEqual({ team: 'fraud' });
  });

  it('need a name each, and one of their own', () => {
    expect(mistakeIn([stage, fresh], trans)).toBeNull();
    expect(mistakeIn([stage, { ...fresh, value: 'x' }], trans)).toBe('A tag needs a name.');
    expect(mistakeIn([stage, { ...fresh, key: 'stage ' }], trans)).toContain('“stage”');
  });
});
