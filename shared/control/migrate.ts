import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import type Postgrator from 'postgrator';
import { DataHubError } from '../errors.ts';
import { inTransaction, onConnection } from '../postgres/transaction.ts';

// Any constant works if every release uses the same one. This is "sdhb" in ASCII.
const MIGRATION_LOCK = 0x73646862;

const ownMigrations = () =>
  fileURLToPath(new URL('.', import.meta.resolve('#sql/control/001.do.control-schema.sql')));

/**
 * Migrates schema etl to the newest version in `folder`. Many processes may call it at once, and it is cheap when there is nothing to do.
 * Leaves a newer schema unchanged. Throws what `inTransaction` throws, and `bug` when the file of an applied migration was edited.
 */
export async function migrate(pool: pg.Pool, folder: string = ownMigrations()): Promise<void> {
  const [digests, applied] = await Promise.all([readDigests(folder), readApplied(pool)]);
  const isEdited = ([version, digest]: [number, string]) => (applied.get(version) ?? digest) !== digest;
  const edited = [...digests].filter(isEdited).map(([version]) => version);
  if (edited.length > 0) {
    throw new DataHubError('bug', `control migration ${edited.join(', ')} was edited after it was applied`, {
      advice: 'Restore the migration file, and put the change into a new migration.',
    });
  }
  if ([...digests.keys()].every((version) => applied.has(version))) return;
  const { default: Postgrator } = await import('postgrator');
  await inTransaction(pool, 'control', 'begin', async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query('create schema if not exists etl');
    await new Postgrator({
      migrationPattern: join(folder, '*.sql'),
      newline: 'LF',
      driver: 'pg',
      schemaTable: 'etl.schema_version',
      execQuery: async (sql) => {
        const result = await client.query<Postgrator.QueryResult['rows'][number]>(sql);
        return { rows: result.rows };
      },
    }).migrate();
  });
}

/** The digest of each migration file by version, computed as Postgrator does. */
async function readDigests(folder: string): Promise<Map<number, string>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql'));
  const digests = files.map(async (file) => {
    const sql = (await readFile(join(folder, file), 'utf8')).replaceAll(/\r\n?/g, '\n');
    return [Number.parseInt(file, 10), createHash('md5').update(sql).digest('hex')] as const;
  });
  return new Map(await Promise.all(digests));
}

/** The digest of each applied migration by version; empty before the schema exists. */
async function readApplied(pool: pg.Pool): Promise<Map<number, string>> {
  return await onConnection(pool, 'control', async (client) => {
    const made = await client.query(`select to_regclass('etl.schema_version') is not null as made`);
    if (made.rows[0].made !== true) return new Map();
    const { rows } = await client.query(
      'select version::int as version, md5 from etl.schema_version where md5 is not null',
    );
    return new Map(rows.map((row) => [row.version as number, row.md5 as string]));
  });
}
