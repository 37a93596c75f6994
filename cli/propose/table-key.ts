import type { Queryable } from '../../shared/postgres/transaction.ts';

/** How the rows of a table are told apart. */
export type TableKey = {
  /** The columns of the primary key, in its order; empty without one. */
  primaryKey: string[];
  /** The columns by which the table is partitioned; null if it is not, or by an expression. */
  partitionedBy: string[] | null;
  /** The columns that are never NULL and unique by an index of their own, other than the primary key. */
  uniqueColumns: string[];
};

export async function readTableKey(client: Queryable, { oid }: { oid: number }): Promise<TableKey> {
  const { rows } = await client.query(
    `select
       array(
         select a.attname::text from pg_index i cross join unnest(i.indkey::int2[]) with ordinality k (attnum, place)
         join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
         where i.indrelid = $1 and i.indisprimary and k.place <= i.indnkeyatts order by k.place) as "primaryKey",
       (select array_agg(a.attname::text) from pg_partitioned_table p
        join pg_attribute a on a.attrelid = p.partrelid and a.attnum = any(p.partattrs::int2[])
        where p.partrelid = $1) as "partitionedBy",
       array(
         select distinct a.attname::text from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
         where i.indrelid = $1 and not i.indisprimary and i.indisunique and i.indisvalid and i.indnkeyatts = 1
           and i.indpred is null and a.attnotnull) as "uniqueColumns"`,
    [oid],
  );
  return rows[0] as TableKey;
}

/**
 * The one column that log rows may name although it is no primary key of its own: beside the columns of the partitions, which every primary key of a
 * partitioned table contains, or unique by an index where there is no primary key. Null if there is no such column, or more than one.
 */
export function loggedColumn({ primaryKey, partitionedBy, uniqueColumns }: TableKey): string | null {
  if (primaryKey.length === 0) return only(uniqueColumns);
  if (partitionedBy === null) return null;
  return only(primaryKey.filter((column) => !partitionedBy.includes(column)));
}

const only = ([first, ...others]: string[]): string | null =>
  first !== undefined && others.length === 0 ? first : null;
