import type { BigQueryType, Column, TableShape } from '../model/columns.ts';
import { clusteringColumns } from '../model/source-changes.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';

export type Granularity = 'hour' | 'day' | 'month' | 'year';

/** The layout of a target and its reporting view, from the view source. */
export type Layout = {
  partition: { column: string; granularity: Granularity } | null;
  /** The columns that follow the key in the clustering, at most three. */
  clusterColumns: string[];
  /** The column whose date decides whether the reporting view, which shows five years, contains a row. */
  reportColumn: string;
  /** The policy tags of tagged columns. */
  policyTags?: Readonly<Record<string, string>>;
};

const IS_DELETED: Column = { name: 'is_deleted', type: 'BOOL', mode: 'NULLABLE' };
const UPDATE_AT: Column = { name: 'update_at', type: 'TIMESTAMP', mode: 'NULLABLE' };
const ETL_TRANSACTION_ID: Column = { name: 'etl_transaction_id', type: 'INT64', mode: 'NULLABLE' };

/** Returns all columns of a view's target, in order. Streaming removes deleted rows, so a streamed target has no `is_deleted`. */
export function targetColumns({ columns, loadType }: Pick<TableShape, 'columns' | 'loadType'>): Column[] {
  const deletion = loadType === 'merge' ? [IS_DELETED] : [];
  return [...columns, ...deletion, UPDATE_AT, ETL_TRANSACTION_ID];
}

/** The columns of every temp table besides the view's. */
export const TEMP_COLUMNS: readonly Column[] = [
  { name: 'action', type: 'STRING', mode: 'NULLABLE' },
  ETL_TRANSACTION_ID,
];

function definition({ name, type, mode }: Column): string {
  const sqlType = mode === 'REPEATED' ? `array<${type.toLowerCase()}>` : type.toLowerCase();
  return `  ${quoted(name)} ${sqlType}${mode === 'REQUIRED' ? ' not null' : ''}`;
}

/** Creates the ledger of applied batches, which all views share. Safe to repeat. */
export function ledgerSql(datasets: Datasets): string {
  return `-- The ledger of merged batches, which makes a merge safe to repeat. Safe to repeat.
create table if not exists ${quoted(objectNames(datasets, { target: '' }).ledger)} (
  view string not null,
  etl_transaction_id int64 not null,
  added int64,
  changed int64,
  deleted int64,
  unchanged int64,
  applied_at timestamp
)
cluster by view, etl_transaction_id
options (description = 'One row for each batch that was merged into its target');
`;
}

/** Gives the ledger of release 0.2.0 the count of unchanged rows. Safe to repeat. */
export function ledgerUpgradeSql(datasets: Datasets): string {
  return `alter table ${quoted(objectNames(datasets, { target: '' }).ledger)} add column if not exists unchanged int64;\n`;
}

/** Creates the temp table, to which load jobs append and which the procedure empties. Safe to repeat. */
export function tempTableSql(datasets: Datasets, shape: TableShape): string {
  const columns = [...shape.columns, ...TEMP_COLUMNS].map(definition).join(',\n');
  return `-- The staged rows of ${shape.view} until they are merged. Safe to repeat.
create table if not exists ${quoted(objectNames(datasets, shape).temp)} (
${columns}
)
cluster by action
options (description = ${stringLiteral(`Staged rows of ${shape.view}`)});
`;
}

/** Creates the target table. Queries of a streamed table see every acknowledged row (max_staleness 0). Safe to repeat. */
export function targetTableSql(datasets: Datasets, shape: TableShape, layout: Layout): string {
  const { target } = objectNames(datasets, shape);
  return `-- The target, BigQuery's copy of ${shape.view}. Safe to repeat.
create table if not exists ${targetDefinition(target, shape, layout)}`;
}

/** A target's name, columns, layout and options, as CREATE TABLE has them. `dropped` are columns that the view does not have any more. */
export function targetDefinition(
  name: string,
  shape: TableShape,
  layout: Layout,
  dropped: readonly Column[] = [],
): string {
  const columns = [...targetColumns(shape), ...dropped].map(definition);
  const key = `  primary key (${quoted(shape.keyColumn)}) not enforced`;
  const clusters = clusteringColumns(shape.keyColumn, layout.clusterColumns);
  return `${quoted(name)} (
${[...columns, key].join(',\n')}
)
${partitionBy(shape, layout)}cluster by ${clusters.map(quoted).join(', ')}
options (${targetOptions(shape)});
`;
}

function targetOptions({ view, loadType }: TableShape): string {
  const description = (text: string): string => `description = ${stringLiteral(`Copy of ${view}; ${text}`)}`;
  return loadType === 'merge'
    ? description('deleted rows stay, with is_deleted')
    : `${description('deleted rows are removed')}, max_staleness = interval 0 minute`;
}

function partitionBy(shape: TableShape, { partition }: Layout): string {
  if (partition === null) return '';
  const type = targetColumns(shape).find(({ name }) => name === partition.column)?.type;
  return `partition by ${partitionStart(type ?? 'TIMESTAMP', partition.granularity, quoted(partition.column))}\n`;
}

/** SQL for the start of the partition to which a value of a partition column belongs. */
export function partitionStart(type: BigQueryType, granularity: Granularity, value: string): string {
  if (type === 'DATE') return granularity === 'day' ? value : `date_trunc(${value}, ${granularity})`;
  return `${type === 'DATETIME' ? 'datetime_trunc' : 'timestamp_trunc'}(${value}, ${granularity})`;
}

/**
 * Creates the reporting view: rows that are not deleted (NULL is false, as in a merge), from the last five years (or without a date), without the batch id. Safe to repeat.
 */
export function reportingViewSql(datasets: Datasets, shape: TableShape, layout: Layout): string {
  const names = objectNames(datasets, shape);
  const columns = targetColumns(shape)
    .filter(({ name }) => name !== ETL_TRANSACTION_ID.name)
    .map(({ name }) => `  ${quoted(name)}`)
    .join(',\n');
  const reported = shape.columns.find(({ name }) => name === layout.reportColumn);
  const column = quoted(layout.reportColumn);
  const date = reported?.type === 'DATE' ? column : `date(${column})`;
  return `-- ${shape.view} for reports: rows that are not deleted, from the last five years. Safe to repeat.
create or replace view ${quoted(names.view)} as
select
${columns}
from ${quoted(names.target)}
where ${shape.loadType === 'merge' ? 'is_deleted is not true\n  and ' : ''}(${column} is null or ${date} >= date_sub(current_date('UTC'), interval 5 year));
`;
}

/**
 * Selects the highest batch id in a view's target (for a merge view, also in its temp table and the ledger), the number of rows that are
 * not deleted, and whether there are none at all. Reads only.
 */
export function targetStateSql(datasets: Datasets, shape: TableShape): string {
  const names = objectNames(datasets, shape);
  if (shape.loadType === 'bq-storage-api') {
    return `-- The highest batch id in the target of ${shape.view}, and its number of rows. Reads only.
select coalesce(max(t.etl_transaction_id), 0) as highest, count(*) as target_rows, count(*) = 0 as is_empty
from ${quoted(names.target)} t;
`;
  }
  return `-- The highest batch id in the tables of ${shape.view}, and the number of rows that are not deleted. Reads only.
select
  greatest(
    coalesce((select max(t.etl_transaction_id) from ${quoted(names.target)} t), 0),
    coalesce((select max(s.etl_transaction_id) from ${quoted(names.temp)} s), 0),
    coalesce((select max(l.etl_transaction_id) from ${quoted(names.ledger)} l), 0)
  ) as highest,
  (select countif(not coalesce(t.is_deleted, false)) from ${quoted(names.target)} t) as target_rows,
  (select count(*) from ${quoted(names.target)} t) = 0 as is_empty;
`;
}

/** Counts the rows of a merged target that are not deleted. Reads only. */
export function countRowsSql(datasets: Datasets, shape: Pick<TableShape, 'target'>): string {
  const target = quoted(objectNames(datasets, shape).target);
  return `-- The rows of ${target} that are not deleted. Reads only.
select countif(v_target.is_deleted is not true) as target_rows
from ${target} v_target;
`;
}

/** Selects some columns of a target. Reads only. */
export function columnsSql(
  datasets: Datasets,
  shape: Pick<TableShape, 'target'>,
  columns: readonly string[],
): string {
  return `select ${columns.map(quoted).join(', ')} from ${quoted(objectNames(datasets, shape).target)} limit 0;\n`;
}

/**
 * Selects the keys of rows that neither batch `etlTransactionId` nor a later one wrote. After a complete batch those are the rows that the
 * view no longer has. Reads only.
 */
export function staleKeysSql(datasets: Datasets, shape: TableShape, etlTransactionId: bigint): string {
  return `-- The keys in the target of ${shape.view} that batch ${etlTransactionId}, which contains the whole view, did not write. Reads only.
select t.${quoted(shape.keyColumn)}
from ${quoted(objectNames(datasets, shape).target)} t
where coalesce(t.etl_transaction_id, 0) < ${etlTransactionId};
`;
}

/**
 * Counts the staged rows of batch `etlTransactionId`, the rows of a merged target that are not deleted, and those of them that the batch, which
 * contains the whole view, would delete. Reads only.
 */
export function deletesSql(
  datasets: Datasets,
  shape: Pick<TableShape, 'target' | 'keyColumn'>,
  etlTransactionId: bigint,
): string {
  const names = objectNames(datasets, shape);
  const [temp, key] = [quoted(names.temp), quoted(shape.keyColumn)];
  return `-- What batch ${etlTransactionId}, which contains the whole view, would delete from ${quoted(names.target)}. Reads only.
select
  (select count(*) from ${temp} v_source where v_source.etl_transaction_id = ${etlTransactionId}) as staged,
  count(*) as target_rows,
  countif(v_staged.v_key is null) as deletes
from ${quoted(names.target)} v_target
left join (
  select distinct v_source.${key} as v_key from ${temp} v_source where v_source.etl_transaction_id = ${etlTransactionId}
) v_staged on v_staged.v_key = v_target.${key}
where not coalesce(v_target.is_deleted, false);
`;
}

/**
 * Counts the rows of a streamed target that batch `etlTransactionId` wrote, and the stale ones, whose keys `staleKeysSql` selects. Reads only.
 */
export function streamedRowsSql(
  datasets: Datasets,
  shape: Pick<TableShape, 'target'>,
  etlTransactionId: bigint,
): string {
  const target = quoted(objectNames(datasets, shape).target);
  return `-- The rows of ${target} that batch ${etlTransactionId}, which contains the whole view, wrote, and the others. Reads only.
select
  countif(v_target.etl_transaction_id = ${etlTransactionId}) as written,
  countif(coalesce(v_target.etl_transaction_id, 0) < ${etlTransactionId}) as stale
from ${target} v_target;
`;
}
