import assert from 'node:assert/strict';
import { layoutDifference, layoutOf } from '../../../shared/warehouse/target-layout.ts';

const MERGED = { keyColumn: 'id', loadType: 'merge' } as const;
const STREAMED = { keyColumn: 'id', loadType: 'bq-storage-api' } as const;
const by = (field: string, type: string) =>
  layoutOf({ timePartitioning: { field, type }, clustering: { fields: ['id'] } });

describe('the layout of a target', () => {
  it('is the configured one, whatever the case of its granularity', () => {
    assert.deepEqual(
      layoutDifference(by('day', 'MONTH'), MERGED, {
        partition: { column: 'day', granularity: 'month' },
        clusterColumns: [],
      }),
      { partitioning: null, clustering: null },
    );
  });

  it('differs by its column, its granularity, or whether it has partitions', () => {
    const partitioning = (
      found: ReturnType<typeof layoutOf>,
      partition: { column: string; granularity: 'month' } | null,
    ) => layoutDifference(found, MERGED, { partition, clusterColumns: [] }).partitioning;
    const monthly = { column: 'day', granularity: 'month' } as const;
    assert.equal(
      partitioning(by('day', 'YEAR'), monthly),
      'is partitioned by year of day instead of partitioned by month of day',
    );
    assert.equal(
      partitioning(by('other', 'MONTH'), monthly),
      'is partitioned by month of other instead of partitioned by month of day',
    );
    assert.equal(
      partitioning(by('day', 'MONTH'), null),
      'is partitioned by month of day instead of not partitioned',
    );
    assert.equal(
      partitioning(layoutOf({}), monthly),
      'is not partitioned instead of partitioned by month of day',
    );
    assert.match(partitioning(layoutOf({ timePartitioning: { type: 'DAY' } }), null) ?? '', /_PARTITIONTIME/);
    assert.match(partitioning(layoutOf({ rangePartitioning: { field: 'id' } }), null) ?? '', /range of id/);
  });

  it('differs by the order of its clustering', () => {
    const found = layoutOf({ clustering: { fields: ['id', 'b', 'a'] } });
    assert.equal(
      layoutDifference(found, MERGED, { partition: null, clusterColumns: ['a', 'b'] }).clustering,
      'is clustered by id, b, a instead of id, a, b',
    );
  });

  it('of release 0.2.0, whose clustering does not begin with the key, is accepted where nothing prunes by the key', () => {
    const found = layoutOf({ clustering: { fields: ['a', 'b'] } });
    const layout = { partition: null, clusterColumns: ['a', 'b'] };
    assert.equal(layoutDifference(found, STREAMED, layout).clustering, null);
    assert.equal(
      layoutDifference(found, MERGED, layout).clustering,
      'is clustered by a, b instead of id, a, b',
    );
  });
});
