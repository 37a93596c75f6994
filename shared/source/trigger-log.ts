import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';

/** The tables of the log that `datahub propose --with-log` offers: triggers fill it, whatever the application is written in. */
export const TRIGGER_LOG = {
  logTable: 'datahub_change_log',
  contentTypeTable: 'datahub_content_type',
} as const;

/** The action of a log row that names no key: rows of its model changed that no log row names, so that the views concerned must be loaded again. */
export const RESYNC_ACTION = 'resync';

/** `key` is an update of a row that changes its key. */
export const LOG_EVENTS = ['insert', 'update', 'key', 'delete', 'truncate'] as const;

/** The functions of the log, without their schema, as a regular expression. No others have names of this form. */
export const LOG_FUNCTIONS = `^datahub_log_[0-9]+_(${LOG_EVENTS.join('|')})$`;

/** The name of a trigger on a table of the model, or on a partition of it, and of its function. */
export const logTrigger = (contentTypeId: number, event: (typeof LOG_EVENTS)[number]): string =>
  `datahub_log_${contentTypeId}_${event}`;

/** The predicate of the index by which rows that ask for a resync are found, as PostgreSQL writes it. */
const RESYNC_PREDICATE = `(action = '${RESYNC_ACTION}'::text)`;

/** SQL for whether `logTable` is a log that triggers fill: it has an index on the rows that ask for a resync, which other logs do not have. */
const HAS_RESYNC_INDEX = `exists (
  select from pg_index i where i.indrelid = to_regclass(quote_ident($1)) and i.indisvalid
    and pg_get_expr(i.indpred, i.indrelid) = ${quoteLiteral(RESYNC_PREDICATE)})`;

/** The log rows of some models that ask for a resync, by their ids, in order. Other logs than those that triggers fill have none. */
export async function resyncRows(
  client: Queryable,
  logTable: string,
  contentTypeIds: readonly number[],
): Promise<bigint[]> {
  if (!(await isTriggerLog(client, logTable))) return [];
  const { rows } = await client.query(
    `select id::int8 as id from ${quoteIdentifier(logTable)}
     where action = '${RESYNC_ACTION}' and content_type_id = any($1::int4[]) order by id`,
    [contentTypeIds],
  );
  return rows.map(({ id }) => id as bigint);
}

export async function isTriggerLog(client: Queryable, logTable: string): Promise<boolean> {
  const { rows } = await client.query(`select ${HAS_RESYNC_INDEX} as found`, [logTable]);
  return rows[0].found as boolean;
}

/** The content types under which triggers of the table itself log it, and not as a partition of another table. */
export async function loggedContentTypes(client: Queryable, oid: number): Promise<number[]> {
  const { rows } = await client.query(
    `with recursive above as (
       select inhparent as oid from pg_inherits where inhrelid = $1
       union
       select i.inhparent from above a join pg_inherits i on i.inhrelid = a.oid
     )
     select (regexp_match(t.tgname, $2))[1]::int4 as id from pg_trigger t
     where t.tgrelid = $1 and t.tgname ~ $2
       and not exists (select from pg_trigger p join above a on a.oid = p.tgrelid where p.tgname = t.tgname)
     order by 1`,
    [oid, `^${logTrigger(0, 'insert').replace('0', '([0-9]+)')}$`],
  );
  return rows.map(({ id }) => id as number);
}

/** The `app_label.model` under which triggers log a table; undefined if none do. */
export async function loggedModel(
  client: Queryable,
  oid: number,
  types: ReadonlyMap<string, number>,
): Promise<string | undefined> {
  const ids = await loggedContentTypes(client, oid);
  return [...types].find(([, id]) => ids.includes(id))?.[0];
}
