import { createHash } from 'node:crypto';
import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { ViewFingerprint } from '../model/view-fingerprint.ts';
import { omittedColumnsOf } from '../model/view-source.ts';
import type { SourceView } from './describe-view.ts';
import { COMPUTING_SETTINGS } from './snapshot.ts';

/** What PostgreSQL's texts of a definition depend on: names are written with their schema, and constants in one form. */
const SETTINGS = [
  ["search_path = ''", 'datestyle = iso, mdy', 'intervalstyle = postgres'],
  ['extra_float_digits = 1', 'bytea_output = hex', 'quote_all_identifiers = off', "timezone = 'UTC'"],
].flat();

/**
 * Locks a view until the transaction ends, so that nobody can replace it, and reads what its rows are computed by: its text, and those of the
 * views and functions on which PostgreSQL's catalog says that it depends, and the settings that these obey. The catalog does not list what the body of a function reads. Throws
 * `transient` if the view got other columns after the snapshot in which it was described.
 */
export async function fingerprintView(
  client: pg.ClientBase,
  {
    name,
    relation,
    columns,
    omittedColumns,
  }: Pick<SourceView, 'name' | 'relation' | 'columns' | 'omittedColumns'>,
): Promise<ViewFingerprint> {
  // PostgreSQL plans this by the view as it is now; catalog tables show it as of the snapshot.
  const { fields } = await client.query(`select * from ${relation} limit 0`);
  const all = fields.map((field) => field.name);
  const present = all.filter((column) => !omittedColumns.includes(column));
  if (JSON.stringify(present) !== JSON.stringify(columns.map((column) => column.name))) {
    throw new DataHubError('transient', `view ${name} was replaced a moment ago`, {
      context: { view: name },
    });
  }
  const statements = [
    `select ${COMPUTING_SETTINGS.map((name) => `current_setting('${name}') as "${name}"`).join(', ')}`,
    'savepoint definition',
    ...SETTINGS.map((setting) => `set local ${setting}`),
    definitionStatement(relation),
    // Gives every setting its former value. Inside of a savepoint, a snapshot could not be exported later.
    'rollback to savepoint definition',
    'release savepoint definition',
  ];
  const results = (await client.query(statements.join(';\n'))) as unknown as pg.QueryResult[];
  const [session, definition] = results.filter(({ command }) => command === 'SELECT');
  const rows = definition?.rows ?? [];
  const hash = createHash('sha256');
  for (const { kind, name, text } of rows) hash.update(`${kind} ${name}\n${text}\n`);
  // The rows of a target are complete only if they were loaded with the columns that it gets now.
  const byDefault = all.filter((column) => omittedColumnsOf({ omittedColumns: null }).has(column));
  if (JSON.stringify(byDefault) !== JSON.stringify(omittedColumns)) {
    hash.update(`omitted ${JSON.stringify(omittedColumns)}\n`);
  }
  return {
    fingerprint: hash.digest('hex').slice(0, 32),
    serverMajor: Math.floor(rows[0].server / 10_000),
    settings: obeyedSettings(session?.rows[0] ?? {}, rows.map(({ text }) => text).join('\n')),
  };
}

/** What a definition must contain to obey a setting, where its text can tell; any other setting counts. */
const OBEYS = new Map([
  ['lc_monetary', /\bmoney\b|to_(char|number)\([^;]*'[^']*L[^']*'/],
  ['lc_numeric', /to_(char|number)\(/],
  ['lc_time', /to_char\(/],
  ['xmlbinary', /xml/i],
  ['xmloption', /xml/i],
]);

function obeyedSettings(session: Record<string, string>, definition: string): Record<string, string> {
  const obeyed = Object.entries(session).filter(([name]) => OBEYS.get(name)?.test(definition) ?? true);
  return Object.fromEntries(
    obeyed.map(([name, value]) => [name, name === 'extra_float_digits' ? floatDigits(value) : value]),
  );
}

/** Every value from 1 on gives the shortest exact text. */
const floatDigits = (value: string): string => String(Math.min(1, Number(value)));

const definitionStatement = (relation: string): string => `
with recursive object (class, oid) as (
  select 'pg_class'::regclass::oid, '${relation.replaceAll("'", "''")}'::regclass::oid
  union
  select needed.class, needed.oid from object o cross join lateral (
    -- A rule of a view, or a function with a body in SQL.
    select d.refclassid as class, d.refobjid as oid
    from pg_depend d left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
    where (o.class = 'pg_class'::regclass and w.ev_class = o.oid)
      or (o.class = 'pg_proc'::regclass and d.classid = 'pg_proc'::regclass and d.objid = o.oid)
  ) needed where needed.class in ('pg_class'::regclass, 'pg_proc'::regclass)
)
select kind, name, text, current_setting('server_version_num')::int as server from (
  select 'view' as kind, c.oid::regclass::text as name,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) else '' end as text
  from object o join pg_class c on o.class = 'pg_class'::regclass and c.oid = o.oid
  where c.relkind in ('v', 'm') or c.oid = '${relation.replaceAll("'", "''")}'::regclass
  union all
  select 'function', p.oid::regprocedure::text,
    case when p.prokind = 'a' then (select row(a.*)::text from pg_aggregate a where a.aggfnoid = p.oid)
      else pg_get_functiondef(p.oid) end
  from object o join pg_proc p on o.class = 'pg_proc'::regclass and p.oid = o.oid
) definition order by kind collate "C", name collate "C"`;
