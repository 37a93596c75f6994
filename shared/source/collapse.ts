import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { LoggedTable, SourceView } from './describe-view.ts';

/**
 * Where the collapsed keys wait, within the capture's transaction, for the COPY statements, which take no parameters: each
 * setting holds the text of an array of the key's type. They never leave the server.
 */
export const KEY_SETTING = {
  added: 'smart_datahub.added_keys',
  changed: 'smart_datahub.changed_keys',
  deleted: 'smart_datahub.deleted_keys',
  /** The keys of the batch that the log named, for a later recheck. */
  logged: 'smart_datahub.logged_keys',
} as const;

export type CollapseParameters = {
  floorId: bigint;
  seen: string;
  maturedFloorId: bigint;
  maxLogRows: number;
  maxReadRows: number;
  queuedKeys: string[];
};

/** What one capture found. */
export type Collapsed = {
  /** Log rows of the view (and its lookups) that no batch has covered, up to the cut. */
  logRows: bigint;
  badKeys: bigint;
  oldestChangeAt: Date | null;
  cutId: bigint | null;
  /** The next checkpoint's `seen`, as the text of a multirange. */
  seen: string;
  upserts: bigint;
  deletes: bigint;
  /** Some keys of which the view has more than one row. */
  duplicateKeys: string[] | null;
};

/**
 * The statement of a capture: reads the log rows above the floor that were not seen, cuts at a log id when there are too
 * many of the view or of all, collapses them to keys, looks which of these the view has, and leaves them in KEY_SETTING.
 * Reads only; repeating it in the same snapshot gives the same.
 */
export function collapseStatement(
  view: SourceView,
  logTable: string,
  given: CollapseParameters,
): { text: string; values: unknown[] } {
  const key = quoteIdentifier(view.keyColumn);
  const type = view.keyType.sqlType;
  const ofTheView = 'type = any($3::int[])';
  const types = [...new Set(view.logged.map((table) => table.contentTypeId))];
  const keys = (setting: string, condition: string) =>
    `length(set_config('${setting}', coalesce(array_agg(key) filter (where ${condition}), '{}')::text, true))`;
  const text = `
-- Captures and collapses the uncovered log rows of ${view.name}; reads only.
with fresh as materialized (
  -- Gap by gap, which are in order before and after the join: the limit ends the reading.
  select l.* from (
    select lower(g) as low, coalesce(upper(g), 9223372036854775807) as high
    from unnest(int8multirange(int8range($1::int8 + 1, null)) - $2::int8multirange) as g order by low
  ) gap cross join lateral (
    select id::int8 as id, content_type_id as type, object_id as object, action, date_created,
           ${touched(view.logged)} as touched
    from ${quoteIdentifier(logTable)} log where id >= gap.low and id < gap.high order by log.id limit $7::int8 + 1
  ) l
  order by gap.low, l.id limit $7::int8 + 1
), cut as materialized (
  select least(${lastOfMore(ofTheView, '$4')}, ${lastOfMore('true', '$7')}) as id
), covered as materialized (
  select * from fresh where id <= coalesce((select id from cut), 9223372036854775807)
), island as (
  select int8range(min(id), max(id), '[]') as ids
  from (select id, id - row_number() over (order by id) as island from covered) numbered group by island
), named as materialized (
  ${view.logged.map((table) => named(view, table)).join('\n  union all\n  ')}
  union all
  select ${view.keyType.fromText('q')}, true, false, false from unnest($6::text[]) as q
), collapsed as materialized (
  select key, bool_or(touched) as touched, bool_or(is_added) as is_added, bool_or(is_logged) as is_logged
  from named where key is not null group by key
), judged as materialized (
  select c.key, c.touched, c.is_added, c.is_logged, count(v.key) as copies
  from collapsed c left join (select ${key}::${type} as key from ${view.relation}) v on v.key = c.key
  group by c.key, c.touched, c.is_added, c.is_logged
)
select
  (select count(*) from covered where ${ofTheView}) as "logRows",
  (select count(*) from named where key is null) as "badKeys",
  (select min(date_created) from covered where ${ofTheView}) as "oldestChangeAt",
  (select id from cut) as "cutId",
  (($2::int8multirange + coalesce((select range_agg(ids) from island), '{}'))
    * int8multirange(int8range(least($5::int8, (select id from cut)) + 1, null)))::text as "seen",
  count(*) filter (where copies > 0 and touched) as "upserts",
  count(*) filter (where copies = 0) as "deletes",
  (array_agg(key::text) filter (where copies > 1))[:5] as "duplicateKeys",
  ${keys(KEY_SETTING.added, 'copies > 0 and touched and is_added')} as "addedLength",
  ${keys(KEY_SETTING.changed, 'copies > 0 and touched and not is_added')} as "changedLength",
  ${keys(KEY_SETTING.deleted, 'copies = 0')} as "deletedLength",
  ${keys(KEY_SETTING.logged, 'is_logged and (copies = 0 or touched)')} as "loggedLength"
from judged`;
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

/** The id of the last row of `fresh` that fits within the limit; NULL when there are no more. */
const lastOfMore = (condition: string, limit: string): string =>
  `(select max(id) from (select id from fresh where ${condition} order by id limit ${limit}) fitting
    having (select count(*) from fresh where ${condition}) > ${limit})`;

/** Whether a log row can change the view's row: anything but a readable `changed` that leaves the tracked columns alone. */
function touched(tables: LoggedTable[]): string {
  // A table that is its own lookup stands among them twice.
  const byType = new Map<number, string[]>();
  for (const { contentTypeId, trackedColumns } of tables) {
    byType.set(contentTypeId, [...(byType.get(contentTypeId) ?? []), ...trackedColumns]);
  }
  const arms = [...byType].map(
    ([type, columns]) => `when ${type} then action <> 'changed' or changed_data is null
             or jsonb_typeof(changed_data) <> 'object' or changed_data ?| ${textArray(columns)}`,
  );
  return `case content_type_id ${arms.join('\n           ')} end`;
}

/** The keys that a table's log rows name: (key, touched, is_added, is_logged). A key that is no value of its type is NULL. */
function named(view: SourceView, table: LoggedTable): string {
  const object = table.keyType.fromText('object');
  if (table.foreignKey === null) {
    return `select ${object} as key, touched, action = 'added' as is_added, true as is_logged from covered where type = ${table.contentTypeId}`;
  }
  const primaryKey = `m.${quoteIdentifier(view.primaryKey)}::${view.keyType.sqlType}`;
  return `select ${primaryKey}, true, false, true
  from (select distinct ${object} as id from covered where type = ${table.contentTypeId} and touched) l
  join ${view.mainTable} m on m.${quoteIdentifier(table.foreignKey)} = l.id`;
}

const textArray = (texts: string[]): string => `array[${texts.map(quoteLiteral).join(', ')}]::text[]`;
