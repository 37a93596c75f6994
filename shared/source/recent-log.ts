import type { Queryable } from '../postgres/transaction.ts';
import type { SourceView } from './describe-view.ts';
import { logRows } from './log-table.ts';
import { joinToMain } from './mentions.ts';
import { fieldColumns } from './tracked-fields.ts';

/** The newest log rows of all tables that a check looks at, so that its cost does not grow with the log. */
const NEWEST_ROWS = 10_000;
const MAX_DAYS = 7;
/** No more rows of the main table are counted per lookup. */
const MAX_POINTING_ROWS = 1_000_000;

const newest = (logTable: string, columns: string): string =>
  `select ${columns} from ${logRows(logTable)} log order by log.id desc limit ${NEWEST_ROWS}`;

/** A lookup, by the column that points at it, and how many rows of the main table its log rows name in a day. */
export type LookupLoad = { column: string; rowsPerDay: number };

/**
 * Finds the lookup whose recent log rows name the most rows of the main table; null if the view has no lookup. A row that several log rows
 * name counts as often. The log rows of less than a day count as those of one day, unless there are as many as are looked at.
 */
export async function busiestLookup(
  client: Queryable,
  logTable: string,
  view: SourceView,
): Promise<LookupLoad | null> {
  let busiest: LookupLoad | null = null;
  for (const { contentTypeIds, keyType, reference } of view.logged) {
    if (reference === null) continue;
    const { rows } = await client.query(
      `with recent as materialized (
         ${newest(logTable, 'content_type_id, object_id, date_created')}
       ), lately as (
         select * from recent where date_created > now() - interval '${MAX_DAYS} days'
       ), period as (
         select greatest(extract(epoch from now() - min(date_created)) / 86400,
           case when count(*) < ${NEWEST_ROWS} then 1 else 1.0 / 86400 end) as days from lately
       ), l as (
         select ${keyType.fromText('object_id')} as id, count(*) as log_rows from lately
         where content_type_id = any($1::int[]) group by 1
       ), pointing as (
         select l.log_rows from l ${joinToMain(view, reference)} limit ${MAX_POINTING_ROWS}
       )
       select coalesce(round((select sum(log_rows) from pointing) / (select days from period)), 0)::bigint as "rowsPerDay"`,
      [contentTypeIds],
    );
    const rowsPerDay = Number(rows[0].rowsPerDay as bigint);
    if (busiest === null || rowsPerDay > busiest.rowsPerDay)
      busiest = { column: reference.foreignKey, rowsPerDay };
  }
  return busiest;
}

/** The tracked names that are no column of the main table, belong to no column by their form, and stand in no recent log row. */
export async function unknownTrackedNames(
  client: Queryable,
  logTable: string,
  view: SourceView,
  trackedNames: string[],
): Promise<string[]> {
  const main = view.logged.find(({ reference }) => reference === null);
  const columns = main?.columns ?? [];
  const doubtful = trackedNames.filter((name) => fieldColumns(name, columns).length === 0);
  if (doubtful.length === 0) return [];
  const { rows } = await client.query(
    `with recent as materialized (
       ${newest(logTable, 'content_type_id, changed_data')}
     )
     select name from unnest($2::text[]) as name where not exists (
       select from recent where content_type_id = any($1::int[]) and changed_data -> name is not null)`,
    [main?.contentTypeIds ?? [], doubtful],
  );
  return rows.map((row) => row.name as string);
}
