import type { BigQueryType } from '../model/columns.ts';
import { partitionBounds } from './merge-sql.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';
import type { Layout } from './tables-sql.ts';

/** The rows of a merged target that are marked as deleted since before a time. */
export type Purge = { target: string; before: Date };

const marked = ({ before }: Purge): string =>
  `v_target.is_deleted and v_target.update_at < timestamp ${stringLiteral(before.toISOString())}`;

/** Counts the rows that a purge would remove. Reads only. */
export function purgeableSql(datasets: Datasets, purge: Purge): string {
  const target = quoted(objectNames(datasets, purge).target);
  return `-- The rows of ${target} that are marked as deleted since before ${purge.before.toISOString()}. Reads only.
select count(*) as purgeable
from ${target} v_target
where ${marked(purge)};
`;
}

/**
 * Removes these rows, all or none, and selects their number. Safe to repeat. BigQuery bills the partitions that a DELETE reads or changes, so it
 * gets those of the rows, which are read before. `type` is that of the partition column.
 */
export function purgeSql(
  datasets: Datasets,
  purge: Purge,
  partition: Layout['partition'],
  type: BigQueryType,
): string {
  const target = quoted(objectNames(datasets, purge).target);
  // The condition on update_at prunes by itself.
  const bounds =
    partition === null || partition.column === 'update_at' ? null : partitionBounds(type, partition);
  const find =
    bounds === null
      ? ''
      : `  set (${bounds.names}) = (
    select as struct ${bounds.parts}
    from (select ${bounds.part} as part from ${target} v_target where ${marked(purge)}) v_touched
  );
`;
  return `-- Removes the rows of ${target} that are marked as deleted since before ${purge.before.toISOString()}. Safe to repeat.
declare v_purged int64 default 0;
${bounds?.declarations ?? ''}begin transaction;
begin
${find}  delete from ${target} v_target
  where ${marked(purge)}${bounds === null ? '' : `\n    and ${bounds.condition}`};
  set v_purged = @@row_count;
  commit transaction;
exception when error then
  rollback transaction;
  raise;
end;
select v_purged as purged;
`;
}
