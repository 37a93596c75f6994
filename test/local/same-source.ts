import type pg from 'pg';
import { withClient } from './with-client.ts';

/** What identifies a database: the server, unless its role may not know it, and its name. */
interface Origin {
  systemIdentifier: string | null;
  database: string;
}

/**
 * `source` is a login to the server of the source; `ownDatabase` is the database of SMartApp there, or null if the source is the database of
 * the login, which is the user's own. Throws an error if views of the data folder were fed from another database than the one that would feed them now: their targets would be
 * neither the one nor the other.
 */
export async function assertSameSource(
  dataFolder: string,
  {
    controlUrl,
    source,
    ownDatabase,
  }: { controlUrl: string; source: pg.ClientConfig; ownDatabase: string | null },
): Promise<void> {
  const before = await withClient({ connectionString: controlUrl }, readOrigins);
  if (before.length === 0) return;
  const found = await withClient(source, readIdentity);
  const now = { ...found, database: ownDatabase ?? found.database };
  const other = before.find((origin) => !isSame(origin, now));
  if (other === undefined) return;
  const named =
    ownDatabase === null ? 'SOURCE_DATABASE_URL names' : 'without SOURCE_DATABASE_URL, this run would use';
  throw new Error(
    `The data folder ${dataFolder} was fed from ${describe(other)}; ${named} ${describe(now)}.\n` +
      `Start with the same source, choose another folder with --data <folder>, or remove ${dataFolder} to begin anew.`,
  );
}

const isSame = (a: Origin, b: Origin): boolean =>
  a.database === b.database &&
  (a.systemIdentifier === null || b.systemIdentifier === null || a.systemIdentifier === b.systemIdentifier);

const describe = ({ database, systemIdentifier }: Origin): string =>
  `the database ${JSON.stringify(database)}${systemIdentifier === null ? '' : ` of server ${systemIdentifier}`}`;

/** The origins of the change logs from which views were captured. */
async function readOrigins(control: pg.Client): Promise<Origin[]> {
  const { rows: tables } = await control.query(
    `select to_regclass('etl.view_source') is not null as "exists"`,
  );
  if (tables[0]?.exists !== true) return [];
  const { rows } = await control.query<Origin>(
    `select distinct log_origin ->> 'systemIdentifier' as "systemIdentifier", log_origin ->> 'database' as database
     from etl.view_source where log_origin is not null`,
  );
  return rows;
}

async function readIdentity(source: pg.Client): Promise<Origin> {
  const { rows } = await source.query<Origin & { mayIdentify: boolean }>(
    `select current_database() as database, null as "systemIdentifier",
       has_function_privilege('pg_control_system()', 'execute') as "mayIdentify"`,
  );
  const { database = '', mayIdentify = false } = rows[0] ?? {};
  if (!mayIdentify) return { database, systemIdentifier: null };
  const found = await source.query<{ id: string }>(
    'select system_identifier::text as id from pg_control_system()',
  );
  return { database, systemIdentifier: found.rows[0]?.id ?? null };
}
