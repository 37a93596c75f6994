import { readFile } from 'node:fs/promises';
import pg from 'pg';

export interface SmartAppOptions {
  /** Multiplies the production sizes (620 projects, 16,786 inventory entries, …); lookups keep theirs. Default 1. */
  scale?: number;
  /** The same seed and scale always give the same rows. Default 1. */
  seed?: number;
  /** Lets the reader role log in with this password; without it the role cannot. */
  readerPassword?: string;
  /** Called after each step with the number of rows that it inserted. */
  onProgress?: (step: { name: string; rows: number }) => void;
}

/** The role that the pipeline reads SMartApp with (sql/source/reader-role.sql). */
export const READER_ROLE = 'smartapp_reader';

const SOURCE_SQL = [
  'pmr_project',
  'pmr_inventory',
  'pmr_pm_plan',
  'pmr_pm_item',
  'xyz_incident',
  'reader-role',
];
/** The steps that `onProgress` reports. */
export const SEED_STEPS = [
  'lookups',
  'projects',
  'inventory',
  'pm-plans',
  'pm-items',
  'incidents',
  'change-log',
];

/**
 * Creates SMartApp's tables, views, reader role and data in an empty database. One transaction creates all of it or nothing.
 * PostgreSQL generates the rows, so memory does not grow with the scale.
 *
 * @param connectionString of a superuser, because foreign keys are not checked while the rows are inserted
 */
export async function createSmartApp(connectionString: string, options: SmartAppOptions = {}): Promise<void> {
  const { scale = 1, seed = 1, readerPassword, onProgress } = options;
  const client = new pg.Client(connectionString);
  // If the connection is lost, the current statement throws.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin');
    await client.query(await sql('schema.sql'));
    for (const name of SOURCE_SQL) await client.query(await sql(`../../sql/source/${name}.sql`));
    if (readerPassword !== undefined) {
      await client.query(`alter role ${READER_ROLE} password ${client.escapeLiteral(readerPassword)}`);
    }

    await client.query(
      `select set_config('smartapp_seed.seed', $1, true), set_config('smartapp_seed.scale', $2, true)`,
      [String(seed), String(scale)],
    );
    await client.query(`set local session_replication_role = replica`);
    await client.query(await sql('seed/functions.sql'));
    for (const name of SEED_STEPS) {
      const results = [await client.query(await sql(`seed/${name}.sql`))].flat();
      onProgress?.({ name, rows: results.reduce((rows, result) => rows + (result.rowCount ?? 0), 0) });
    }
    await client.query(await sql('seed/sequences.sql'));
    await client.query('commit');
    await completeSmartApp(client);
  } finally {
    await client.end();
  }
}

/**
 * Creates the recommended index. That happens after everything else is committed, so a killed run may have left the index
 * missing or invalid. Safe to repeat.
 */
export async function completeSmartApp(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query(
    `select indexrelid::regclass as name from pg_index
     where indrelid = 'models_logging_change'::regclass and not indisvalid`,
  );
  for (const { name } of rows) await client.query(`drop index ${name}`);
  await client.query(await sql('../../sql/source/recommended-index.sql'));
}

function sql(path: string): Promise<string> {
  return readFile(new URL(path, import.meta.url), 'utf8');
}
