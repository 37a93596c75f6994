import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';

/** Why a relation cannot be read, as a sentence, and the statement that mends it; null if it does not exist at all. */
export type Missing = { why: string; grant: string | null };

type Found = {
  schema: string;
  name: string;
  isVisible: boolean;
  mayUseSchema: boolean;
  role: string;
};

/** Finds out why `findRelation` found nothing under an unquoted name. `what` names the object, for example "main table". */
export async function whyMissing(client: Queryable, what: string, name: string): Promise<Missing> {
  const { rows } = await client.query(
    `select n.nspname::text as schema, format('%I.%I', n.nspname, c.relname) as name, current_user::text as role,
       c.oid is not distinct from to_regclass(quote_ident($1))::oid as "isVisible",
       has_schema_privilege(n.oid, 'usage') as "mayUseSchema"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\\_%'
     order by "isVisible" desc, n.nspname = any(string_to_array(current_setting('search_path'), ', ')) desc, 1 limit 1`,
    [name],
  );
  const found = rows[0] as Found | undefined;
  if (found === undefined) {
    const similar = await similarName(client, name);
    return { why: `${what} ${name} does not exist in the source${similar}`, grant: null };
  }
  const { schema, role, isVisible, mayUseSchema } = found;
  if (isVisible) {
    return {
      why: `role ${role} may not read ${what} ${found.name}`,
      grant: `grant select on ${found.name} to ${quoteIfNeeded(role)};`,
    };
  }
  if (!mayUseSchema) {
    return {
      why: `role ${role} may not use schema ${schema}, which holds ${what} ${name}`,
      grant: `grant usage on schema ${quoteIfNeeded(schema)} to ${quoteIfNeeded(role)}; grant select on ${found.name} to ${quoteIfNeeded(role)};`,
    };
  }
  return {
    why: `${what} ${name} is in schema ${schema}, which is not in the search path of role ${role}`,
    grant: `alter role ${quoteIfNeeded(role)} set search_path = public, ${quoteIfNeeded(schema)};`,
  };
}

/** PostgreSQL folds names without quotes to lower case, so that a name in capitals is often meant in lower case. */
async function similarName(client: Queryable, name: string): Promise<string> {
  const { rows } = await client.query(
    `select c.relname::text as name from pg_class c where lower(c.relname) = lower($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
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
