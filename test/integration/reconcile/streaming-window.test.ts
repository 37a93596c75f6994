import assert from 'node:assert/strict';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';
import { differingKeys, rowHashes } from './row-hashes.ts';

const DAY_MS = 24 * 3_600_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
const literal = (iso: string) => `'${iso.slice(0, 23).replace('T', ' ')}'`;

/** Dates beyond the window, and near its edges on both sides. */
const OUTSIDE = [
  `'1999-12-31 23:59'`,
  `'9999-12-31'`,
  literal(daysFromNow(-3652.5)),
  literal(daysFromNow(364.5)),
];
const INSIDE = [literal(daysFromNow(-3648)), literal(daysFromNow(361)), literal(daysFromNow(0))];

describe('the text of a partition column whose changes are streamed', () => {
  const stack = useStack();

  for (const { type, written = (value: string) => value, ...entry } of [
    { type: 'date' },
    { type: 'timestamp' },
    { type: 'timestamptz', written: (value: string) => `${value.slice(0, -1)}+00'` },
    {
      type: 'text',
      written: (value: string) => `'${value.slice(1, -1).slice(0, 16)}'`,
      datetime_columns: ['moment'],
    },
    { type: 'date', null_defaults: { moment: '1999-12-31' } },
  ]) {
    it(`is that of NULL outside the window, whether a row was loaded or streamed: ${JSON.stringify({ type, ...entry })}`, async () => {
      const thing = await ThingView.install(stack, {
        loadType: 'bq-storage-api',
        columns: { moment: type, note: 'text' },
        entry: {
          ...entry,
          partition_column: 'moment',
          partition_granularity: 'month',
          unrepresentable: { moment: 'null' },
        },
      });
      const values = [...OUTSIDE, ...INSIDE].map((value) => written(value));
      for (const [i, value] of [...values, 'null'].entries()) await thing.put(String(i), { moment: value });
      await thing.replicate();
      const loaded = await rowHashes(thing.on, VIEW);
      assert.deepEqual(differingKeys(loaded), []);

      for (const [i, value] of values.entries()) await thing.put(String(i), { moment: value });
      await thing.replicate();

      const streamed = await rowHashes(thing.on, VIEW);
      assert.deepEqual(differingKeys(streamed), []);
      const hashes = values.map((_, i) => streamed.target.get(String(i))?.hash);
      assert.equal(new Set(hashes.slice(0, OUTSIDE.length)).size, 1, 'those outside are alike');
      assert.equal(new Set(hashes).size, INSIDE.length + 1, 'those inside are not');
      const moments = (await thing.target()).slice(0, OUTSIDE.length).map(({ moment }) => moment);
      assert.deepEqual(
        moments,
        OUTSIDE.map(() => null),
      );
    });
  }

  it('is the value itself where a date outside the window stops the batch, which a load brings', async () => {
    const thing = await ThingView.install(stack, {
      loadType: 'bq-storage-api',
      columns: { moment: 'date' },
      entry: { partition_column: 'moment', partition_granularity: 'month' },
    });
    await thing.put('1', { moment: `'1999-12-31'` });
    await thing.put('2', { moment: `'1998-12-31'` });
    await thing.replicate();

    const { source, target, window } = await rowHashes(thing.on, VIEW);
    assert.equal(window, null);
    assert.deepEqual(target, source);
    assert.notEqual(target.get('1')?.hash, target.get('2')?.hash);
  });

  it('is the value itself in a view that is merged', async () => {
    const thing = await ThingView.install(stack, {
      loadType: 'merge',
      columns: { moment: 'date' },
      entry: {
        partition_column: 'moment',
        partition_granularity: 'month',
        unrepresentable: { moment: 'null' },
      },
    });
    await thing.put('1', { moment: `'1999-12-31'` });
    await thing.put('2', { moment: `'infinity'` });
    await thing.replicate();

    const { source, target, window } = await rowHashes(thing.on, VIEW);
    assert.equal(window, null);
    assert.deepEqual(target, source);
    assert.notEqual(target.get('1')?.hash, target.get('2')?.hash);
  });
});
