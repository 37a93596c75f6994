import type { TableShape } from '../../shared/model/columns.ts';
import {
  bucketSumsSql,
  type HashedSelection,
  hashedRowsSql,
  keyedRowsSql,
} from '../../shared/warehouse/compare-rows-sql.ts';
import { partitionCondition } from '../../shared/warehouse/partition-condition.ts';
import { rowTextSql } from '../../shared/warehouse/row-text-sql.ts';
import { DATASETS, SIMPLEST } from './example-shapes.ts';
import type { GoogleSqlText } from './google-sql-texts.ts';

/** A built text, before it has a group. */
export type BuiltText = Omit<GoogleSqlText, 'group'>;

/** The expressions of a comparison with the source, with a window of each type. */
export function rowTexts(name: string, shape: TableShape): BuiltText[] {
  const windows = ['date_value', 'datetime_value', 'timestamp_value'].map((column) => ({
    column,
    ...WINDOW,
  }));
  return [null, ...windows].map((window) => {
    const { key, bucket, hash } = rowTextSql(shape, shape.columns, window);
    return {
      name: `row texts of the ${name}${window === null ? '' : ` within the window of ${window.column}`}`,
      sql: `select ${key}, ${bucket(16)}, ${hash} from \`p-1.D.${shape.target}\` as v_target`,
    };
  });
}

/** The rows that a check compares one by one, of any table. */
const KEY_SELECTIONS: readonly [string, HashedSelection][] = [
  ['all rows', { order: 'bucket', range: null, listed: null, partitions: null }],
  ['a range of rows', { order: 'key', range: { from: -5n, to: 7n }, listed: null, partitions: null }],
  ['rows of buckets', { order: 'bucket', range: null, listed: 'buckets', partitions: null }],
];

/** The rows that a check compares one by one, of a table with a partition column of any type. */
const SELECTIONS: readonly [string, HashedSelection][] = [
  ...KEY_SELECTIONS,
  ...(['DATE', 'DATETIME', 'TIMESTAMP'] as const).flatMap((type) =>
    (['month', 'hour'] as const).map((granularity): [string, HashedSelection] => [
      `hashes by key in a ${granularity} of ${type}`,
      {
        ...({ order: 'bucket', range: null, listed: 'keys' } as const),
        partitions: partitionCondition({
          column: `${type.toLowerCase()}_value`,
          ...{ type, granularity: type === 'DATE' ? 'month' : granularity },
          texts: new Set(['-20000', '20000', '~']),
        }),
      },
    ]),
  ),
];

/** The queries of a check, of all rows and of some, now and as of a time. */
export function checkTexts(name: string, shape: TableShape): BuiltText[] {
  const compared = { shape, columns: shape.columns, buckets: 16, window: null };
  return [null, '2026-01-01 00:00:00.000001 UTC'].flatMap((asOf) => {
    const when = asOf === null ? 'now' : 'then';
    return [
      { name: `sums of the ${name}, ${when}`, sql: bucketSumsSql(DATASETS, { ...compared, asOf }) },
      ...(shape === SIMPLEST ? KEY_SELECTIONS : SELECTIONS).map(([rows, selection]) => ({
        name: `${rows} of the ${name}, ${when}`,
        sql: hashedRowsSql(DATASETS, { ...compared, asOf }, selection),
      })),
      { name: `rows of the ${name} by key, ${when}`, sql: keyedRowsSql(DATASETS, { ...compared, asOf }) },
    ];
  });
}

const WINDOW = { from: '2016-11-01T00:00:00.000Z', to: '2027-10-30T00:00:00.000Z' };
