import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BIG_QUERY_TYPES, type Column, type TableShape } from '../../shared/model/columns.ts';
import {
  bucketSumsSql,
  type HashedSelection,
  hashedRowsSql,
  keyedRowsSql,
  rowStatesSql,
} from '../../shared/warehouse/compare-rows-sql.ts';
import { foreignKeysSql } from '../../shared/warehouse/foreign-keys-sql.ts';
import { objectNames } from '../../shared/warehouse/names.ts';
import { partitionCondition } from '../../shared/warehouse/partition-condition.ts';
import { callSql } from '../../shared/warehouse/procedure-sql.ts';
import { purgeableSql, purgeSql } from '../../shared/warehouse/purge-sql.ts';
import { contentsSql } from '../../shared/warehouse/read-target.ts';
import {
  dropReplacementSql,
  newTargetSql,
  rewriteSql,
  swapSql,
} from '../../shared/warehouse/replacement-sql.ts';
import { rowTextSql } from '../../shared/warehouse/row-text-sql.ts';
import {
  columnsSql,
  countRowsSql,
  deletesSql,
  type Layout,
  ledgerUpgradeSql,
  reportingViewSql,
  staleKeysSql,
  streamedRowsSql,
  targetColumns,
} from '../../shared/warehouse/tables-sql.ts';
import { objectsSql } from '../../shared/warehouse/view-objects.ts';
import { wholeTableSql } from '../local/compare/read-target.ts';
import { corruptSql, lowestKeySql } from '../local/corrupt.ts';

export interface GoogleSqlText {
  /** A file's path from the project's root, or a description of a built statement: `call of a procedure`. */
  name: string;
  sql: string;
}

const PROJECT_FOLDER = join(import.meta.dirname, '../..');

/** Every GoogleSQL text of the project, in a stable order. Throws if no file contains one, because a check of nothing would pass. */
export async function googleSqlTexts(projectFolder = PROJECT_FOLDER): Promise<GoogleSqlText[]> {
  const written = await writtenTexts(projectFolder);
  if (written.length === 0) {
    throw new Error(`no GoogleSQL text found in ${join(projectFolder, 'sql/bigquery')}`);
  }
  return [...written, ...builtTexts()];
}

async function writtenTexts(projectFolder: string): Promise<GoogleSqlText[]> {
  const names: string[] = [];
  for await (const name of glob('sql/bigquery/**/*.sql', { cwd: projectFolder })) names.push(name);
  return Promise.all(
    names.sort().map(async (name) => ({ name, sql: await readFile(join(projectFolder, name), 'utf8') })),
  );
}

/** Statements that are built at run time: those of shared/warehouse, for the simplest and the richest view, and the local stack's queries. */
function builtTexts(): GoogleSqlText[] {
  const table = '`p-1.D.plain`';
  return [
    ...warehouseTexts('simplest view', SIMPLEST, {
      partition: null,
      clusterColumns: [],
      reportColumn: 'update_at',
    }),
    ...BIG_QUERY_TYPES.map((type) => ({
      name: `objects partitioned by ${type}`,
      sql: objectsSql(DATASETS, {
        shape: RICHEST,
        layout: {
          partition: { column: `${type.toLowerCase()}_value`, granularity: 'month' },
          clusterColumns: ['string_value'],
          reportColumn: 'date_value',
        },
        dropped: DROPPED,
      }),
    })).filter(({ name }) => /DATE|TIMESTAMP/.test(name)),
    ...warehouseTexts('richest view', RICHEST, {
      partition: { column: 'date_value', granularity: 'day' },
      clusterColumns: ['key', 'string_value'],
      reportColumn: 'date_value',
    }),
    ...warehouseTexts('streamed view', STREAMED, {
      partition: { column: 'timestamp_value', granularity: 'month' },
      clusterColumns: ['timestamp_value'],
      reportColumn: 'update_at',
    }),
    { name: 'stale keys of a streamed target', sql: staleKeysSql(DATASETS, STREAMED, 7n) },
    { name: 'rows of a merged target', sql: countRowsSql(DATASETS, RICHEST) },
    {
      name: 'contents of a merged target',
      sql: contentsSql(DATASETS, RICHEST.view, {
        table: objectNames(DATASETS, RICHEST).target,
        columns: ['is_deleted', 'etl_transaction_id'],
        hasLedger: true,
      }),
    },
    {
      name: 'contents of a target of somebody else',
      sql: contentsSql(DATASETS, STREAMED.view, {
        table: objectNames(DATASETS, STREAMED).target,
        columns: [],
        hasLedger: false,
      }),
    },
    { name: 'deletes of a complete batch', sql: deletesSql(DATASETS, RICHEST, 7n) },
    { name: 'streamed rows of a complete batch', sql: streamedRowsSql(DATASETS, STREAMED, 7n) },
    { name: 'rows that a purge would remove', sql: purgeableSql(DATASETS, PURGE) },
    { name: 'purge of a target', sql: purgeSql(DATASETS, PURGE, null, 'TIMESTAMP') },
    ...(['DATE', 'DATETIME', 'TIMESTAMP'] as const).map((type) => ({
      name: `purge of a target partitioned by ${type}`,
      sql: purgeSql(DATASETS, PURGE, { column: `${type.toLowerCase()}_value`, granularity: 'month' }, type),
    })),
    { name: 'columns of a target', sql: columnsSql(DATASETS, RICHEST, ['key', 'select']) },
    { name: 'removal of a new target', sql: dropReplacementSql(DATASETS, RICHEST) },
    { name: 'rewrite of a target', sql: rewriteSql(DATASETS, RICHEST) },
    { name: 'upgrade of the ledger', sql: ledgerUpgradeSql(DATASETS) },
    ...rowTexts('simplest view', SIMPLEST),
    ...rowTexts('richest view', RICHEST),
    ...checkTexts('simplest view', SIMPLEST),
    ...checkTexts('richest view', RICHEST),
    { name: 'call of a procedure', sql: callSql(DATASETS, SIMPLEST) },
    { name: 'comparison of a table', sql: wholeTableSql('p-1.D.plain', true) },
    { name: 'lowest key of a table', sql: lowestKeySql(table, 'key') },
    { name: 'corruption of a row', sql: corruptSql(table, 'key', 'name') },
  ];
}

const DATASETS = { projectId: 'p-1', temp: 'T', target: 'D', view: 'V' };
const KEY: Column = { name: 'key', type: 'INT64', mode: 'REQUIRED' };
const SIMPLEST: TableShape = {
  view: 'plain',
  target: 'plain',
  loadType: 'merge',
  keyColumn: 'key',
  columns: [KEY],
};
/** A view with every type, single and repeated, and with names that must be quoted. */
const RICHEST: TableShape = {
  view: 'rich_view',
  target: 'rich',
  loadType: 'merge',
  keyColumn: 'key',
  columns: [
    KEY,
    ...BIG_QUERY_TYPES.map(
      (type): Column => ({ name: `${type.toLowerCase()}_value`, type, mode: 'NULLABLE' }),
    ),
    ...BIG_QUERY_TYPES.map(
      (type): Column => ({ name: `${type.toLowerCase()}_list`, type, mode: 'REPEATED' }),
    ),
    { name: 'select', type: 'STRING', mode: 'NULLABLE' },
    { name: 'ชื่อ', type: 'STRING', mode: 'NULLABLE' },
    // Names that a statement could use for itself.
    ...['t', 's', 'l', 'd', 'part', 'example'].map(
      (name): Column => ({ name, type: 'STRING', mode: 'NULLABLE' }),
    ),
  ],
};

/** Columns of a target that its view does not have any more. */
const DROPPED: readonly Column[] = BIG_QUERY_TYPES.flatMap((type) => [
  { name: `${type.toLowerCase()}_dropped`, type, mode: 'NULLABLE' },
  { name: `${type.toLowerCase()}_dropped_list`, type, mode: 'REPEATED' },
]);

const PURGE = { target: 'rich', before: new Date('2026-01-01T00:00:00Z') };
const STREAMED: TableShape = { ...RICHEST, loadType: 'bq-storage-api' };

/** The expressions of a comparison with the source, with a window of each type. */
function rowTexts(name: string, shape: TableShape): GoogleSqlText[] {
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

/** The rows that a check compares one by one. */
const SELECTIONS: readonly [string, HashedSelection][] = [
  ['all rows', { order: 'bucket', range: null, listed: null, partitions: null }],
  ['a range of rows', { order: 'key', range: { from: -5n, to: 7n }, listed: null, partitions: null }],
  ['rows of buckets', { order: 'bucket', range: null, listed: 'buckets', partitions: null }],
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
function checkTexts(name: string, shape: TableShape): GoogleSqlText[] {
  const compared = { shape, columns: shape.columns, buckets: 16, window: null };
  return [null, '2026-01-01 00:00:00.000001 UTC'].flatMap((asOf) => {
    const when = asOf === null ? 'now' : 'then';
    return [
      { name: `sums of the ${name}, ${when}`, sql: bucketSumsSql(DATASETS, { ...compared, asOf }) },
      ...SELECTIONS.map(([rows, selection]) => ({
        name: `${rows} of the ${name}, ${when}`,
        sql: hashedRowsSql(DATASETS, { ...compared, asOf }, selection),
      })),
      { name: `rows of the ${name} by key, ${when}`, sql: keyedRowsSql(DATASETS, { ...compared, asOf }) },
    ];
  });
}

const WINDOW = { from: '2016-11-01T00:00:00.000Z', to: '2027-10-30T00:00:00.000Z' };

function warehouseTexts(name: string, shape: TableShape, layout: Layout): GoogleSqlText[] {
  const parent = { target: 'parent', keyColumn: 'key' };
  return [
    { name: `new target of the ${name}`, sql: newTargetSql(DATASETS, shape, layout, DROPPED) },
    {
      name: `rows of the new target of the ${name}`,
      sql: swapSql(DATASETS, shape, DROPPED, [...targetColumns(shape), ...DROPPED]),
    },
    {
      name: `rows of the ${name} as they were`,
      sql: rowStatesSql(DATASETS, {
        shape,
        columns: shape.columns,
        window: null,
        asOf: '2026-01-31 08:00:00 UTC',
      }),
    },
    { name: `objects of the ${name}`, sql: objectsSql(DATASETS, { shape, layout, dropped: [] }) },
    { name: `reporting view of the ${name}`, sql: reportingViewSql(DATASETS, shape, layout) },
    {
      name: `foreign keys of the ${name}`,
      sql: foreignKeysSql(DATASETS, shape, [{ column: 'key', references: parent }]),
    },
  ];
}
