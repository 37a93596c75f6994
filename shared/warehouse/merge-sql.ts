import type { BigQueryType, Column, TableShape } from '../model/columns.ts';
import { differsSql } from './differs-sql.ts';
import { quoted } from './names.ts';
import { type Layout, partitionStart } from './tables-sql.ts';

/** The quoted names that the statements of a merge contain. */
export type MergeNames = { temp: string; target: string; key: string };

/** A view, and the columns of its target that it does not have any more, which become empty. */
export type Merged = { shape: TableShape; dropped: readonly Column[] };

/**
 * The part of a target that the rows of a batch touch, so that BigQuery prunes partitions and blocks, and bills no others
 * (https://cloud.google.com/bigquery/docs/querying-partitioned-tables).
 */
export type MergeBounds = {
  /** Declares the variables of `find` and `condition`. */
  declarations: string;
  /** Reads the partitions of the touched rows; it reads the columns of the key and of the partitions only. Empty without partitions. */
  find: string;
  /** Is true for every touched row. */
  condition: string;
};

/**
 * How statements find the partitions of some rows of `v_target` first, and read only those later. `parts` are the values to aggregate over
 * `part`, for the variables that are declared.
 */
export type PartitionBounds = {
  declarations: string;
  names: string;
  part: string;
  parts: string;
  condition: string;
};

/** A table has at most 10,000 partitions, so the array of their starts is much smaller than the 1 MB that a variable can hold. */
export function partitionBounds(
  type: BigQueryType,
  { column, granularity }: NonNullable<Layout['partition']>,
): PartitionBounds {
  const value = `v_target.${quoted(column)}`;
  const start = partitionStart(type, granularity, value);
  const hasNull = 'declare v_has_null bool default false;\n';
  const orNull = `v_has_null and ${value} is null`;
  const counted = (parts: string, part: string) => `${parts}, countif(${part} is null) > 0`;
  // datetime_trunc in a condition prunes nothing, unlike date_trunc and timestamp_trunc.
  if (type === 'DATETIME') {
    return {
      declarations: `declare v_first, v_last datetime;\n${hasNull}`,
      names: 'v_first, v_last, v_has_null',
      part: value,
      parts: counted('min(v_touched.part), max(v_touched.part)', 'v_touched.part'),
      condition: `(${value} between v_first and v_last or ${orNull})`,
    };
  }
  return {
    declarations: `declare v_partitions array<${type.toLowerCase()}>;\n${hasNull}`,
    names: 'v_partitions, v_has_null',
    part: start,
    parts: counted('array_agg(distinct v_touched.part ignore nulls)', 'v_touched.part'),
    condition: `(${start} in unnest(v_partitions) or ${orNull})`,
  };
}

export function mergeBounds(
  { temp, target, key }: MergeNames,
  shape: TableShape,
  partition: Layout['partition'],
): MergeBounds {
  const keys = `v_target.${key} between v_low and v_high`;
  if (partition === null) return { declarations: '', find: '', condition: keys };
  const type = shape.columns.find(({ name }) => name === partition.column)?.type ?? 'TIMESTAMP';
  const { declarations, names, part, parts, condition } = partitionBounds(type, partition);
  return {
    declarations,
    find: `set (${names}) = (
  select as struct ${parts}
  from (
    select ${part} as part
    from ${target} v_target
    join ${temp} v_source on v_source.${key} = v_target.${key}
    where v_source.etl_transaction_id = batch_id and ${keys}
  ) v_touched
);
`,
    condition: `${keys}\n  and ${condition}`,
  };
}

const on = (key: string, condition: string | null): string =>
  `v_target.${key} = v_source.${key}${condition === null ? '' : ` and ${condition}`}`;

/**
 * Counts what a merge is going to do, and the rows of the target whose key another row has as well. It reads only rows of the target for which
 * `condition` is true; null stands for all rows.
 */
export function countSql({ temp, target, key }: MergeNames, condition: string | null): string {
  return `set (v_added, v_deleted, v_refused, v_repeated) = (
  select as struct
    countif(v_source.action != 'deleted' and (v_target.${key} is null or coalesce(v_target.is_deleted, false))),
    countif(v_source.action = 'deleted' and v_target.${key} is not null and not coalesce(v_target.is_deleted, false)),
    countif(coalesce(v_target.etl_transaction_id, -1) >= batch_id),
    count(*) - v_staged
  from ${temp} v_source
  left join ${target} v_target on ${on(key, condition)}
  where v_source.etl_transaction_id = batch_id
);
`;
}

/** Merges the staged rows. A row in which no column differs stays as it is, and so does its `update_at`. */
export function mergeSql(
  { temp, target, key }: MergeNames,
  { shape, dropped }: Merged,
  condition: string | null,
): string {
  const columns = shape.columns.map(({ name }) => quoted(name));
  const others = shape.columns.filter(({ name }) => quoted(name) !== key);
  const differences = others.map((column) => {
    const name = quoted(column.name);
    return `\n    or ${differsSql(column, `v_target.${name}`, `v_source.${name}`)}`;
  });
  const emptied = dropped.map(({ name, mode }) => {
    const value = `v_target.${quoted(name)}`;
    return `\n    or ${mode === 'REPEATED' ? `array_length(${value}) > 0` : `${value} is not null`}`;
  });
  const noValues = dropped.map(
    ({ name, mode }) => `\n    ${quoted(name)} = ${mode === 'REPEATED' ? '[]' : 'null'},`,
  );
  const isOlder = 'coalesce(v_target.etl_transaction_id, -1) < batch_id';
  const values = others.map(({ name }) => `\n    ${quoted(name)} = v_source.${quoted(name)},`);
  return `merge ${target} v_target
using (select * from ${temp} where etl_transaction_id = batch_id) v_source
on ${on(key, condition)}
when matched and ${isOlder} and v_source.action = 'deleted' and not coalesce(v_target.is_deleted, false) then
  update set is_deleted = true, update_at = current_timestamp(), etl_transaction_id = batch_id
when matched and ${isOlder} and v_source.action != 'deleted' and (
    coalesce(v_target.is_deleted, false)${[...differences, ...emptied].join('')}
  ) then
  update set${[...values, ...noValues].join('')}
    is_deleted = false, update_at = current_timestamp(), etl_transaction_id = batch_id
when not matched and v_source.action != 'deleted' then
  insert (${[...columns, 'is_deleted', 'update_at', 'etl_transaction_id'].join(', ')})
  values (${columns.map((name) => `v_source.${name}`).join(', ')}, false, current_timestamp(), batch_id);
set v_changed = @@row_count - v_added - v_deleted;
`;
}
