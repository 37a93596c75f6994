import type { TableShape } from '../../shared/model/columns.ts';
import { deleteRowsSql, rowStatesSql } from '../../shared/warehouse/compare-rows-sql.ts';
import { foreignKeysSql } from '../../shared/warehouse/foreign-keys-sql.ts';
import { objectNames } from '../../shared/warehouse/names.ts';
import { callSql } from '../../shared/warehouse/procedure-sql.ts';
import { purgeableSql, purgeSql } from '../../shared/warehouse/purge-sql.ts';
import { contentsSql } from '../../shared/warehouse/read-target.ts';
import {
  dropReplacementSql,
  newTargetSql,
  rewriteSql,
  swapSql,
} from '../../shared/warehouse/replacement-sql.ts';
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
  targetDefinition,
} from '../../shared/warehouse/tables-sql.ts';
import { objectsSql } from '../../shared/warehouse/view-objects.ts';
import { countComparedSql, wholeTableSql } from '../local/compare/read-target.ts';
import { corruptSql, lowestKeySql } from '../local/corrupt.ts';
import { advisedTexts } from './advised-texts.ts';
import { type BuiltText, checkTexts, rowTexts } from './compared-texts.ts';
import { DATASETS, DROPPED, PURGE, RICHEST, SIMPLEST, STREAMED } from './example-shapes.ts';
import type { GoogleSqlText } from './google-sql-texts.ts';

/** Statements that are built at run time: those of shared/warehouse, for the simplest and the richest view, and the local stack's queries. */
export async function builtTexts(): Promise<GoogleSqlText[]> {
  return [
    ...inGroup('simplest view', [
      ...warehouseTexts('simplest view', SIMPLEST, {
        partition: null,
        clusterColumns: [],
        reportColumn: 'update_at',
      }),
      ...rowTexts('simplest view', SIMPLEST),
      ...checkTexts('simplest view', SIMPLEST),
      { name: 'call of a procedure', sql: callSql(DATASETS, SIMPLEST) },
      { name: 'comparison of a table', sql: wholeTableSql('p-1.D.plain', true) },
      { name: 'rows to compare', sql: countComparedSql('p-1.D.plain', true) },
      { name: 'lowest key of a table', sql: lowestKeySql('`p-1.D.plain`', 'key') },
    ]),
    ...(['DATE', 'DATETIME', 'TIMESTAMP'] as const).flatMap((type) =>
      inGroup(`view partitioned by ${type}`, partitionedTexts(type)),
    ),
    ...inGroup('richest view', [
      ...warehouseTexts('richest view', RICHEST, {
        partition: { column: 'date_value', granularity: 'day' },
        clusterColumns: ['key', 'string_value'],
        reportColumn: 'date_value',
      }),
      ...rowTexts('richest view', RICHEST),
      ...checkTexts('richest view', RICHEST),
      { name: 'rows of a merged target', sql: countRowsSql(DATASETS, RICHEST) },
      {
        name: 'contents of a merged target',
        sql: contentsSql(DATASETS, RICHEST.view, {
          table: objectNames(DATASETS, RICHEST).target,
          columns: ['is_deleted', 'etl_transaction_id'],
          hasLedger: true,
        }),
      },
      { name: 'deletes of a complete batch', sql: deletesSql(DATASETS, RICHEST, 7n) },
      { name: 'rows that a purge would remove', sql: purgeableSql(DATASETS, PURGE) },
      { name: 'purge of a target', sql: purgeSql(DATASETS, PURGE, null, 'TIMESTAMP') },
      { name: 'columns of a target', sql: columnsSql(DATASETS, RICHEST, ['key', 'select']) },
      { name: 'removal of rows by a person', sql: deleteRowsSql(DATASETS, RICHEST, ['1', 'it’s']) },
      { name: 'removal of repeated rows by a person', sql: deleteRowsSql(DATASETS, RICHEST, 'repeated') },
      { name: 'removal of a new target', sql: dropReplacementSql(DATASETS, RICHEST) },
      { name: 'rewrite of a target', sql: rewriteSql(DATASETS, RICHEST) },
      { name: 'upgrade of the ledger', sql: ledgerUpgradeSql(DATASETS) },
      { name: 'corruption of a row', sql: corruptSql('`p-1.D.rich`', 'key', 'string_value') },
    ]),
    ...inGroup('streamed view', [
      ...warehouseTexts('streamed view', STREAMED, {
        partition: { column: 'timestamp_value', granularity: 'month' },
        clusterColumns: ['timestamp_value'],
        reportColumn: 'update_at',
      }),
      ...checkTexts('streamed view', STREAMED),
      { name: 'stale keys of a streamed target', sql: staleKeysSql(DATASETS, STREAMED, 7n) },
      { name: 'streamed rows of a complete batch', sql: streamedRowsSql(DATASETS, STREAMED, 7n) },
      {
        name: 'contents of a target of somebody else',
        sql: contentsSql(DATASETS, STREAMED.view, {
          table: objectNames(DATASETS, STREAMED).target,
          columns: [],
          hasLedger: false,
        }),
      },
    ]),
    ...inGroup('advice', await advisedTexts()),
  ];
}

/** The statements whose form depends on the type of the partition column. */
function partitionedTexts(type: 'DATE' | 'DATETIME' | 'TIMESTAMP'): BuiltText[] {
  const partition = { column: `${type.toLowerCase()}_value`, granularity: 'month' } as const;
  const layout = { partition, clusterColumns: ['string_value'], reportColumn: 'date_value' };
  return [
    targetText(`view partitioned by ${type}`, RICHEST, layout),
    {
      name: `objects partitioned by ${type}`,
      sql: objectsSql(DATASETS, { shape: RICHEST, layout, dropped: DROPPED }),
    },
    {
      name: `purge of a target partitioned by ${type}`,
      sql: purgeSql(DATASETS, PURGE, partition, type),
    },
  ];
}

const inGroup = (group: string, texts: readonly BuiltText[]): GoogleSqlText[] =>
  texts.map((text) => ({ ...text, group }));

/** A target as an earlier release of its view has left it, with columns that the view does not have any more. */
const targetText = (name: string, shape: TableShape, layout: Layout): BuiltText => ({
  name: `older target of the ${name}`,
  sql: `create table ${targetDefinition(objectNames(DATASETS, shape).target, shape, layout, DROPPED)}`,
});

/** The objects of a view first. The new target takes the place of its target, with the same columns. */
function warehouseTexts(name: string, shape: TableShape, layout: Layout): BuiltText[] {
  const parent = { target: 'parent', keyColumn: 'key' };
  const found = [...targetColumns(shape), ...DROPPED];
  return [
    targetText(name, shape, layout),
    { name: `reporting view of the ${name}`, sql: reportingViewSql(DATASETS, shape, layout) },
    { name: `objects of the ${name}`, sql: objectsSql(DATASETS, { shape, layout, dropped: [] }) },
    { name: `new target of the ${name}`, sql: newTargetSql(DATASETS, shape, layout, DROPPED) },
    { name: `rows of the new target of the ${name}`, sql: swapSql(DATASETS, shape, DROPPED, found) },
    ...(shape.loadType === 'merge'
      ? [
          {
            name: `rows of the ${name} as they were`,
            sql: rowStatesSql(DATASETS, {
              shape,
              columns: shape.columns,
              window: null,
              asOf: '2026-01-31 08:00:00 UTC',
            }),
          },
        ]
      : []),
    {
      name: `target that the ${name} refers to`,
      sql: `create table \`p-1.D.parent\` (key int64, primary key (key) not enforced)`,
    },
    {
      name: `foreign keys of the ${name}`,
      sql: foreignKeysSql(DATASETS, shape, [{ column: 'key', references: parent }]),
    },
  ];
}
