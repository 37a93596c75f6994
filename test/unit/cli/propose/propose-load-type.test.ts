import assert from 'node:assert/strict';
import { type LoadTypeFacts, proposeLoadType } from '../../../../cli/propose/propose-load-type.ts';

const BUSY: LoadTypeFacts = {
  columns: ['id', 'status'],
  activity: { changesPerDay: 5000, deletedShare: 0, busyMinutes: 900 },
  partitionFrom: new Date('2024-01-01'),
  now: new Date('2026-01-01'),
  isWanted: false,
};
const proposed = (differing: Partial<LoadTypeFacts>) => proposeLoadType({ ...BUSY, ...differing });

describe('the load type that is proposed', () => {
  it('is a stream for small changes that come all the time, with the rate and the warning', () => {
    const { loadType, reason } = proposed({});
    assert.equal(loadType, 'bq-storage-api');
    assert.match(reason, /about 5,000 changes a day, none of them a deletion.*cannot be merged later/);
  });

  for (const [what, differing, words] of [
    ['without a log', { activity: null }, /^The log has no change of it yet: a merge/],
    [
      'for few changes',
      { activity: { changesPerDay: 40, deletedShare: 0, busyMinutes: 900 } },
      /^The log has about 40 changes a day/,
    ],
    [
      'for many changes at once',
      { activity: { changesPerDay: 14_000_000, deletedShare: 0, busyMinutes: 2 } },
      /its newest rows are of 2 minutes, too few to tell/,
    ],
    [
      'for rows that are deleted',
      { activity: { changesPerDay: 5000, deletedShare: 0.1, busyMinutes: 900 } },
      /a stream would keep no deleted row/,
    ],
    [
      'for names that a stream cannot have',
      { columns: ['id', 'ชื่อ'] },
      /a stream cannot have 1 of its column names/,
    ],
    ['for old partitions', { partitionFrom: new Date('2015-12-31') }, /no partition older than 10 years/],
  ] as const) {
    it(`is merge ${what}`, () => {
      const { loadType, reason } = proposed(differing);
      assert.equal(loadType, 'merge');
      assert.match(reason, words);
    });
  }

  it('is a stream without partitions, too', () => {
    assert.equal(proposed({ partitionFrom: null }).loadType, 'bq-storage-api');
  });

  it('is a stream that somebody asks for, unless something speaks against it', () => {
    const wanted = { isWanted: true, activity: null } as const;
    assert.partialDeepStrictEqual(proposed(wanted), { loadType: 'bq-storage-api', todo: [] });
    const refused = proposed({ ...wanted, columns: ['id', 'ชื่อ'] });
    assert.equal(refused.loadType, 'merge');
    assert.match(
      refused.todo.join(),
      /a stream was asked for, but a stream cannot have 1 of its column names/,
    );
  });
});
