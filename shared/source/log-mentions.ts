import { type Checkpoint, NOTHING_SEEN } from '../model/checkpoint.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { SourceView } from './describe-view.ts';
import { logRows } from './log-table.ts';
import type { LoggedTable } from './logged-tables.ts';
import { touches } from './mentions.ts';

/** What the log rows of one table say of a row of the view: their ids, newest first, at most MAX_IDS. */
export type LogMention = {
  key: string;
  /** The place of the table in `SourceView.logged`. */
  place: number;
  /** The log rows that name the row. */
  named: bigint[];
  /** Those that changed or deleted a row; of a lookup also the deletions of any row, if the row of the view points at none. */
  changed: bigint[];
  /** Log rows that name the row, but are skipped since they touch no tracked column. */
  ignored: bigint[];
  /** Whether the checkpoint covers all of them. */
  isCovered: boolean;
};

/** So many log ids are kept of each kind. */
const MAX_IDS = 10;

/**
 * Finds the log rows that name some rows of the view: those of the main table, and those of the lookup rows that they point at now. Reads the
 * log by its index on content type and object id.
 */
export async function readLogMentions(
  client: Queryable,
  view: SourceView,
  logTable: string,
  { floorId, seen }: Pick<Checkpoint, 'floorId' | 'seen'>,
  keys: readonly string[],
): Promise<LogMention[]> {
  const { rows } = await client.query(mentionsStatement(view, logTable), [
    keys,
    floorId,
    seen === '' ? NOTHING_SEEN : seen,
  ]);
  const ids = (texts: unknown): bigint[] => ((texts ?? []) as string[]).map(BigInt);
  return rows.map((row) => ({
    ...(row as Pick<LogMention, 'key' | 'place' | 'isCovered'>),
    named: ids(row.named),
    changed: ids(row.changed),
    ignored: ids(row.ignored),
  }));
}

function mentionsStatement(view: SourceView, logTable: string): string {
  const tables = view.logged.map((table, place) => ({ table, place }));
  return `
-- Finds the log rows that name rows of ${view.name}; reads only.
with key as materialized (
  select text, ${view.keyType.fromText('text')} as value from unnest($1::text[]) k (text)
), pointed as materialized (
  ${tables.map((each) => pointed(view, each)).join('\n  union all\n  ')}
), object as materialized (
  select distinct place, object_id from pointed
), logged as materialized (
  ${tables.map((each) => logged(logTable, each)).join('\n  union all\n  ')}
)
select p.key, p.place, l.named, l.changed, l.ignored, l."isCovered"
from pointed p join logged l on l.place = p.place and l.object_id is not distinct from p.object_id`;
}

type PlacedTable = { table: LoggedTable; place: number };

/** SQL for the object ids that stand for the keys in log rows of the table; NULL for a row that points at no row of the lookup. */
function pointed(view: SourceView, { table: { reference }, place }: PlacedTable): string {
  if (reference === null) return `select ${place} as place, text as key, text as object_id from key`;
  const { foreignKey, through } = reference;
  const column = `m.${quoteIdentifier(foreignKey)}`;
  const main = `key k join ${view.mainTable} m on m.${quoteIdentifier(view.primaryKey)}::${view.keyType.sqlType} = k.value`;
  if (through === null) return `select ${place}, k.text, ${column}::text from ${main}`;
  return `select ${place}, k.text, t.${quoteIdentifier(through.primaryKey)}::text from ${main}
    left join ${through.table} t on t.${quoteIdentifier(through.column)} = ${column}`;
}

/** SQL for the log rows of the table, by object id. */
function logged(logTable: string, { table, place }: PlacedTable): string {
  const rows = `select id::int8 as id, action, ${table.skipsUntracked ? touches(table) : 'true'} as touches
    from ${logRows(logTable)} log where content_type_id in (${table.contentTypeIds.join(', ')})`;
  const newest = (condition: string) =>
    `(array_agg(id order by id desc) filter (where ${condition}))[:${MAX_IDS}]::text[]`;
  const found = `${newest('touches')} as named, ${newest(`touches and action <> 'added'`)} as changed,
    ${newest('not touches')} as ignored, bool_and(id <= $2::int8 or id <@ $3::int8multirange) as "isCovered"`;
  const byObject = `select ${place} as place, o.object_id, ${found}
  from object o cross join lateral (${rows} and object_id = o.object_id) l where o.place = ${place} group by o.object_id`;
  if (table.reference === null) return byObject;
  return `${byObject}
  union all
  select ${place}, null, ${found}
  from (${rows} and action = 'deleted' and exists (select from object where place = ${place} and object_id is null)
    order by id desc limit ${MAX_IDS}) l having count(*) > 0`;
}
