import { quoteIdentifier } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';
import { logRows } from './log-table.ts';
import { Mentions } from './mentions.ts';
import { RESYNC_ACTION } from './trigger-log.ts';

/**
 * The settings in which the collapsed keys stay until the end of the capture's transaction, so that they never leave the server. The
 * COPY statements read them there, since COPY takes no parameters. Each setting holds the text of an array of the key's type.
 */
export const KEY_SETTING = {
  added: 'smart_datahub.added_keys',
  changed: 'smart_datahub.changed_keys',
  deleted: 'smart_datahub.deleted_keys',
  /** The keys of the batch that log rows named, for a later recheck. Keys that were only queued are left out. */
  logged: 'smart_datahub.logged_keys',
} as const;

export type CollapseParameters = {
  floorId: bigint;
  seen: string;
  maturedFloorId: bigint;
  maxLogRows: number;
  maxReadRows: number;
  queuedKeys: string[];
  /** At most so many rows whose foreign key is NULL are named after a row of a lookup was deleted. */
  maxNullRows: number;
};

/** What one capture found. */
export type Collapsed = {
  /** The log rows of the view and its lookups that this batch covers. */
  logRows: bigint;
  /** How many object ids and queued keys are not values of the key's type. No row of the view can have them. */
  badKeys: bigint;
  /** The date of the oldest of these log rows, in milliseconds since 1970; null if there are none. */
  oldestChangeMs: bigint | null;
  /** The log id at which the batch was cut; null if it covers everything. */
  cutId: bigint | null;
  /** The next checkpoint's `seen`, as the text of a multirange. */
  seen: string;
  upserts: bigint;
  deletes: bigint;
  /** Up to five keys that the view has more than once; null if there are none. */
  duplicateKeys: string[] | null;
  /**
   * The foreign key columns that are NULL in more than `maxNullRows` rows, while a row of their lookup was deleted. None of these rows is
   * named, although the deletion may have set some of them to NULL.
   */
  unnamedNulls: string[];
  /** The last of these log rows that names no key but asks for a resync, since rows changed that no log row names; null if none does. */
  resyncId: bigint | null;
};

/**
 * The statement of a capture. It reads the log rows above the floor that are not in `seen`, cuts them at a log id if there are too
 * many of the view or of all tables, collapses them to keys, looks these up in the view, and leaves them in KEY_SETTING. It writes
 * nothing; repeating it in the same snapshot gives the same result.
 */
export function collapseStatement(
  view: SourceView,
  logTable: string,
  given: CollapseParameters,
): { text: string; values: unknown[] } {
  const key = quoteIdentifier(view.keyColumn);
  const type = view.keyType.sqlType;
  const isOfTheView = 'content_type = any($3::int[])';
  const types = [...new Set(view.logged.flatMap((table) => table.contentTypeIds))];
  const tables = view.logged.map((table, i) => new Mentions(view, table, i, given.maxNullRows));
  const touched = tables.flatMap((table) => table.touched()).map((column) => `${column},\n           `);
  const renamed = tables.flatMap((table) => table.renamed()).join('\n           ');
  const keys = (setting: string, condition: string) =>
    `length(set_config('${setting}', coalesce(array_agg(key) filter (where ${condition}), '{}')::text, true))`;
  const text = `
-- Captures and collapses the log rows of ${view.name} that no batch has covered; reads only.
with uncovered as materialized (
  -- Reads gap by gap, in the order of ids before and after the join, so that the limit ends the reading.
  select l.* from (
    select lower(g) as low, coalesce(upper(g), 9223372036854775807) as high
    from unnest(int8multirange(int8range($1::int8 + 1, null)) - $2::int8multirange) as g order by low
  ) gap cross join lateral (
    select id::int8 as id, content_type_id as content_type, object_id, action, date_created,
           ${touched.join('')}${renamed === '' ? 'null::text[]' : `case ${renamed} end`} as renamed
    from ${logRows(logTable)} log where id >= gap.low and id < gap.high order by log.id limit $7::int8 + 1
  ) l
  order by gap.low, l.id limit $7::int8 + 1
), cut as materialized (
  select least(${lastWithin('$4', isOfTheView)}, ${lastWithin('$7', 'true')}) as id
), covered as materialized (
  select * from uncovered where id <= coalesce((select id from cut), 9223372036854775807)
), covered_range as (
  select int8range(min(id), max(id), '[]') as ids
  from (select id, id - row_number() over (order by id) as island from covered) numbered group by island
), renamed as materialized (
  select content_type, r as object_id from covered cross join lateral unnest(renamed) r where renamed is not null
), deleted_type as materialized (
  select distinct content_type from covered where action = 'deleted'
), ${tables.map((table) => table.nullRows()).join('')}mention as materialized (
  ${tables.flatMap((table) => table.mentions()).join('\n  union all\n  ')}
  union all
  select ${view.keyType.fromText('q')}, true, false, false from unnest($6::text[]) as q
), collapsed as materialized (
  select key, bool_or(may_change_view) as may_change_view, bool_or(is_added) as is_added, bool_or(is_logged) as is_logged
  from mention where key is not null group by key
), looked_up as materialized (
  select c.key, c.may_change_view, c.is_added, c.is_logged, count(v.key) as view_rows
  from collapsed c left join (select ${key}::${type} as key from ${view.relation}) v on v.key = c.key
  group by c.key, c.may_change_view, c.is_added, c.is_logged
)
select
  (select count(*) from covered where ${isOfTheView}) as "logRows",
  (select count(*) from mention where key is null) as "badKeys",
  (select (extract(epoch from min(date_created)) * 1000)::bigint from covered where ${isOfTheView} and isfinite(date_created)) as "oldestChangeMs",
  (select id from cut) as "cutId",
  (select max(id) from covered where action = '${RESYNC_ACTION}' and ${isOfTheView}) as "resyncId",
  (($2::int8multirange + coalesce((select range_agg(ids) from covered_range), '{}'))
    * int8multirange(int8range(least($5::int8, (select id from cut)) + 1, null)))::text as "seen",
  count(*) filter (where view_rows > 0 and may_change_view) as "upserts",
  count(*) filter (where view_rows = 0) as "deletes",
  (array_agg(key::text) filter (where view_rows > 1))[:5] as "duplicateKeys",
  array_remove(array[${tables.flatMap((table) => table.unnamedNulls()).join(', ')}]::text[], null) as "unnamedNulls",
  ${keys(KEY_SETTING.added, 'view_rows > 0 and may_change_view and is_added')} as "addedLength",
  ${keys(KEY_SETTING.changed, 'view_rows > 0 and may_change_view and not is_added')} as "changedLength",
  ${keys(KEY_SETTING.deleted, 'view_rows = 0')} as "deletedLength",
  ${keys(KEY_SETTING.logged, 'is_logged and (view_rows = 0 or may_change_view)')} as "loggedLength"
from looked_up`;
  return {
    text,
    values: [
      given.floorId,
      given.seen,
      types,
      given.maxLogRows,
      given.maturedFloorId,
      given.queuedKeys,
      given.maxReadRows,
    ],
  };
}

/** SQL for the id of the last row within the limit, among the uncovered rows that meet the condition; NULL if all are within it. */
const lastWithin = (limit: string, condition: string): string =>
  `(select max(id) from (select id from uncovered where ${condition} order by id limit ${limit}) fitting
    having (select count(*) from uncovered where ${condition}) > ${limit})`;
