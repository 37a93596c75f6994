import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import type Postgrator from 'postgrator';
import { inTransaction } from '../postgres.ts';

// Any constant will do, as long as every release uses the same one: "sdhb" in ASCII.
const MIGRATION_LOCK = 0x73646862;

const folder = () =>
  fileURLToPath(new URL('.', import.meta.resolve('#sql/control/001.do.control-schema.sql')));

/**
 * Brings schema etl to the newest version; safe to call by many processes at once, and cheap when there is nothing to do.
 * Throws what `inTransaction` throws, and a `bug` when an applied migration's file was edited.
 */
export async function migrate(pool: pg.Pool): Promise<void> {
  if ((await appliedVersion(pool)) >= (await newestVersion())) return;
  const { default: Postgrator } = await import('postgrator');
  await inTransaction(pool, 'control', 'begin', async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query('create schema if not exists etl');
    await new Postgrator({
      migrationPattern: `${folder()}*.sql`,
      driver: 'pg',
      schemaTable: 'etl.schema_version',
      execQuery: async (sql) => {
        const result = await client.query<Postgrator.QueryResult['rows'][number]>(sql);
        return { rows: result.rows };
      },
    }).migrate();
  });
}

async function newestVersion(): Promise<number> {
  return Math.max(...(await readdir(folder())).map((file) => Number.parseInt(file, 10)));
}

/** 0 when the schema was never made. */
async function appliedVersion(pool: pg.Pool): Promise<number> {
  return await inTransaction(pool, 'control', 'begin read only', async (client) => {
    const made = await client.query(`select to_regclass('etl.schema_version') is not null as made`);
    if (made.rows[0].made !== true) return 0;
    const { rows } = await client.query(
      'select coalesce(max(version), 0)::int as version from etl.schema_version',
    );
    return rows[0].version as number;
  });
}
