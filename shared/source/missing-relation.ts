import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { configuredName, type NamedRelation, relationsNamed } from './catalog.ts';

/** Why a relation cannot be read, as a sentence, and the statement that mends it; null if it does not exist at all. */
export type Missing = { why: string; grant: string | null };

/** What a view source names with its schema; anything else must be found by the search path. */
const WITH_SCHEMA = new Set(['main table', 'lookup table']);

/** Finds out why `findRelation` found nothing under a configured name. `what` names the object, for example "main table". */
export async function whyMissing(client: Queryable, what: string, name: string): Promise<Missing> {
  const named = await relationsNamed(client, name);
  if (named.length > 1) {
    const both = named.map((each) => each.name).join(' and ');
    return { why: `${what} ${name} can mean ${both}: write it with these quotes`, grant: null };
  }
  const { rows } = await client.query(
    `select current_user::text as role, string_to_array(current_setting('search_path'), ', ') as path`,
  );
  const { role, path } = rows[0] as { role: string; path: string[] };
  if (named[0] !== undefined) return unreadable(named[0], what, role);
  const found = await inAnySchema(client, name, path);
  if (found === undefined) {
    return {
      why: `${what} ${name} does not exist in the source${await similarName(client, name)}`,
      grant: null,
    };
  }
  if (path.includes(found.schema)) return unreadable(found, what, role);
  const why = `${what} ${name} is in schema ${found.schema}, which is not in the search path of role ${role}`;
  if (WITH_SCHEMA.has(what)) {
    const written = JSON.stringify(await configuredName(client, found.oid));
    return { why: `${why}: write it as ${written}`, grant: grants(found, role).join(' ') || null };
  }
  const setPath = `alter role ${quoteIfNeeded(role)} set search_path = public, ${quoteIfNeeded(found.schema)};`;
  return { why, grant: [...grants(found, role), setPath].join(' ') };
}

/** Why the role may not read a relation that its name finds. */
function unreadable(found: NamedRelation, what: string, role: string): Missing {
  const why = found.mayUseSchema
    ? `role ${role} may not read ${what} ${found.name}`
    : `role ${role} may not use schema ${found.schema}, which holds ${what} ${found.name}`;
  return { why, grant: grants(found, role).join(' ') };
}

/** The statements that let the role read a relation. */
function grants({ mayRead, mayUseSchema, name, schema }: NamedRelation, role: string): string[] {
  const to = quoteIfNeeded(role);
  return [
    ...(mayUseSchema ? [] : [`grant usage on schema ${quoteIfNeeded(schema)} to ${to};`]),
    ...(mayRead ? [] : [`grant select on ${name} to ${to};`]),
  ];
}

/** A relation of this name in whatever schema, rather in one of the search path, whose schemas without the right to use them find nothing. */
async function inAnySchema(
  client: Queryable,
  name: string,
  path: string[],
): Promise<NamedRelation | undefined> {
  const { rows } = await client.query(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\\_%'
     order by n.nspname = any($2::text[]) desc, 1 limit 1`,
    [name, path],
  );
  return rows[0] && (await relationsNamed(client, rows[0].name as string))[0];
}

/** PostgreSQL folds names without quotes to lower case, so that a name in capitals is often meant in lower case. */
async function similarName(client: Queryable, name: string): Promise<string> {
  const { rows } = await client.query(
    `select case when strpos($1, '.') > 0 then n.nspname || '.' || c.relname else c.relname::text end as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where lower($1) in (lower(c.relname), lower(n.nspname || '.' || c.relname)) and c.relkind in ('r', 'p', 'v', 'm', 'f')
     order by 1 limit 1`,
    [name],
  );
  return rows[0] === undefined ? '' : `, but ${rows[0].name} does`;
}

/** Advice to paste, from the statements that are not null; undefined if there are none. */
export function grantAdvice(missing: readonly Missing[]): string | undefined {
  const grants = [...new Set(missing.flatMap(({ grant }) => grant ?? []))];
  return grants.length === 0 ? undefined : `Run in the source, as its owner: ${grants.join(' ')}`;
}

/** A plain lower-case name reads better without quotes. */
export const quoteIfNeeded = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
