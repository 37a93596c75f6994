import assert from 'node:assert/strict';
import { type DateFacts, proposeLayout } from '../../../../cli/propose/propose-layout.ts';

const span = (from: string, to: string): DateFacts['span'] => ({ from: new Date(from), to: new Date(to) });
const date = (column: string, differing: Partial<DateFacts> = {}): DateFacts => ({
  column,
  type: 'TIMESTAMP',
  nullShare: 0,
  span: span('2020-01-01', '2024-12-31'),
  ...differing,
});
const layoutOf = (rows: number | null, dates: DateFacts[]) => proposeLayout({ rows, dates, references: [] });

describe('the layout that is proposed', () => {
  it('has no partitions for few rows, and says from how many on', () => {
    const { partition, clusterColumns, reasons } = layoutOf(99_999, [date('placed_at')]);
    assert.deepEqual([partition, clusterColumns], [null, []]);
    assert.match(reasons.partition_column, /^None: with 99,999 rows .* from 100,000 rows on/);
  });

  for (const [rows, granularity, words] of [
    [400_000, null, /by year, placed_at would make 5 partitions of 80,000 rows/],
    [600_000, 'year', /by year: .* about 120,000 rows in each of 5 partitions/],
    [7_000_000, 'month', /by month: .* in each of 60 partitions/],
    [200_000_000, 'day', /by day: .* in each of 1,827 partitions/],
  ] as const) {
    it(`has the finest partitions that are large enough: ${rows} rows of five years, ${granularity ?? 'none'}`, () => {
      const { partition, reasons } = layoutOf(rows, [date('placed_at')]);
      assert.deepEqual(partition, granularity === null ? null : { column: 'placed_at', granularity });
      assert.match(reasons.partition_column, words);
    });
  }

  it('has no more partitions than BigQuery writes at once', () => {
    const { partition } = layoutOf(2_000_000_000, [
      date('placed_at', { span: span('1990-01-01', '2024-12-31') }),
    ]);
    assert.deepEqual(partition, { column: 'placed_at', granularity: 'month' });
  });

  it('takes a date that stays as it is before one that may change or is missing', () => {
    const dates = [
      date('updated_at'),
      date('due', { nullShare: 0.2 }),
      date('created_at'),
      date('closed_on'),
    ];
    assert.equal(layoutOf(10_000_000, dates).partition?.column, 'created_at');
    assert.equal(layoutOf(10_000_000, dates.slice(0, 2)).partition?.column, 'due');
    const { partition, reasons } = layoutOf(10_000_000, [
      dates[0] as DateFacts,
      date('created_at', { span: null }),
    ]);
    assert.equal(partition, null);
    assert.match(reasons.partition_column, /^None: updated_at, created_at may change or has no values/);
    assert.match(layoutOf(10_000_000, []).reasons.partition_column, /^None: the view has no date/);
  });

  it('clusters by up to three columns that point at other tables, if BigQuery can', () => {
    const references = ['a', 'b', 'c', 'd', 'e'].map((column, i) => ({
      column,
      type: i === 0 ? ('JSON' as const) : ('INT64' as const),
      isRepeated: i === 1,
    }));
    const layout = proposeLayout({ rows: 1_000_000, dates: [], references });
    assert.deepEqual(layout.clusterColumns, ['c', 'd', 'e']);
    assert.match(layout.reasons.cluster_columns, /^c, d, e: reports join and filter/);
    assert.match(layoutOf(1_000_000, []).reasons.cluster_columns, /^None: the view shows no column/);
  });

  it('is left open if the rows could not be counted', () => {
    assert.match(layoutOf(null, []).reasons.partition_column, /could not be counted in time/);
  });
});
