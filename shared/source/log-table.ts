import { DataHubError } from '../errors.ts';
import { atOnce } from '../postgres/at-once.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation } from './catalog.ts';
import { grantAdvice, whyMissing } from './missing-relation.ts';

const INTEGERS = ['int2', 'int4', 'int8'];
const TEXTS = ['text', 'varchar', 'bpchar'];
/** The columns that a capture reads, with the types that it can read, by pg_type.typname. Null: any type, read as text. */
export const LOG_COLUMNS: Record<string, readonly string[] | null> = {
  id: INTEGERS,
  date_created: ['timestamptz', 'timestamp'],
  object_id: null,
  content_type_id: INTEGERS,
  changed_data: ['jsonb', 'json'],
  action: TEXTS,
};

/**
 * SQL for a FROM clause: the log with its object ids as text and its changed data as jsonb. Older releases of django-models-logging have
 * integer object ids and json.
 */
export const logRows = (logTable: string): string =>
  `(select id, date_created, object_id::text as object_id, content_type_id, changed_data::jsonb as changed_data, action
      from ${quoteIdentifier(logTable)})`;

/**
 * Throws unless the change log can be read and has the columns of django-models-logging, of any of its releases: `unauthorized` with the
 * GRANT, or `source_refused` naming every column.
 */
export async function assertLogTable(client: Queryable, logTable: string): Promise<void> {
  const [, { rows }] = await atOnce(client, () => [
    requireReadable(client, 'change log', logTable),
    client.query(
      `select a.attname::text as column, t.typname::text as type, has_column_privilege(a.attrelid, a.attnum, 'select') as "mayRead"
       from pg_attribute a join pg_type t on t.oid = a.atttypid
       where a.attrelid = to_regclass(quote_ident($1)) and a.attnum > 0 and not a.attisdropped`,
      [logTable],
    ),
  ]);
  const found = new Map(rows.map((row) => [row.column as string, row as { type: string; mayRead: boolean }]));
  const faults = Object.entries(LOG_COLUMNS).flatMap(([column, types]) => {
    const type = found.get(column)?.type;
    if (type === undefined) return [`it has no column ${column}`];
    if (types === null || types.includes(type)) return [];
    return [
      column === 'id'
        ? `its ids have type ${type}, but a capture needs whole numbers that a sequence draws in ascending order`
        : `its column ${column} has type ${type}, but must have type ${types.join(' or ')}`,
    ];
  });
  if (faults.length > 0) {
    throw new DataHubError(
      'source_refused',
      `change log ${logTable} cannot be captured: ${faults.join('; ')}`,
      {
        advice:
          'CHANGE_LOG_TABLE must name the log of django-models-logging, with an integer primary key (sql/README.md#what-the-source-must-have). Then resume the view.',
      },
    );
  }
  const hidden = Object.keys(LOG_COLUMNS).filter((column) => found.get(column)?.mayRead === false);
  if (hidden.length === 0) return;
  const { rows: names } = await client.query(
    `select to_regclass(quote_ident($1))::text as name, current_user::text as role`,
    [logTable],
  );
  throw new DataHubError(
    'unauthorized',
    `role ${names[0].role} may not read ${hidden.join(', ')} of change log ${logTable}`,
    { advice: `Run in the source, as its owner: grant select on ${names[0].name} to ${names[0].role};` },
  );
}

/** The variables that name a table of the source. */
const VARIABLES = { 'change log': 'CHANGE_LOG_TABLE', 'content type table': 'CONTENT_TYPE_TABLE' } as const;

/** Throws `unauthorized` with the GRANT for a table that the role may not read, and `configuration` for one that does not exist. */
export async function requireReadable(
  client: Queryable,
  what: keyof typeof VARIABLES,
  name: string,
): Promise<void> {
  if ((await findRelation(client, name)) !== null) return;
  const missing = await whyMissing(client, what, name);
  throw new DataHubError(missing.grant === null ? 'configuration' : 'unauthorized', missing.why, {
    advice: grantAdvice([missing]) ?? variableAdvice(what),
  });
}

export const variableAdvice = (what: keyof typeof VARIABLES): string =>
  `Correct ${VARIABLES[what]} and deploy again: it must name the ${what} without a schema, which the search path of the role finds. Then resume the view.`;
