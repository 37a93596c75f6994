import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../../../shared/control/migrate.ts';
import type { Installation } from '../../../support/installation.ts';
import { LOCATION, type Stack } from '../../../support/stack.ts';

// What functions wrote that knew JSON lines alone: see README.md.

const RECORDED = join(import.meta.dirname, 'recorded');
const MIGRATIONS = join(import.meta.dirname, '../../../../sql/control');
/** Their last migration. */
const VERSION = 31;

let databases = 0;

/** Puts what they staged for the batch of this name, such as `pmr_project/2`, in the place of what was staged here: the same rows. */
export async function leaveObjects(on: Installation, batch: string): Promise<void> {
  await on.bucket.deleteFiles({ prefix: `${batch}/` });
  const folder = join(RECORDED, 'bucket', batch);
  for (const name of await readdir(folder)) {
    const contentType = name.endsWith('.gz') ? 'application/gzip' : 'application/json';
    await on.bucket
      .file(`${batch}/${name}`)
      .save(await readFile(join(folder, name)), { resumable: false, contentType });
  }
}

/** Makes the merge procedure as they did. */
export async function leaveProcedure(on: Installation): Promise<void> {
  const procedure = await readFile(join(RECORDED, 'procedure.sql'), 'utf8');
  await on.query(procedure.replaceAll('your-project', on.bigquery.projectId));
}

/** Starts a job of theirs for the last batch of a view, and waits for its end. */
export async function leaveJob(on: Installation, id: string, view: string): Promise<void> {
  const batch = (await on.batches(view)).at(-1);
  const jobs = await readFile(join(RECORDED, 'jobs.json'), 'utf8');
  const own = jobs
    .replaceAll('your-project', on.bigquery.projectId)
    .replaceAll('your-bucket', on.bucket.name)
    .replaceAll('your-token', String(batch?.token));
  const configuration = (JSON.parse(own) as Record<string, object>)[id] ?? {};
  const [job] = await on.bigquery.createJob({ jobId: id, location: LOCATION, configuration });
  await job.promise();
}

/**
 * Copies the control database into one with the schema that they knew, in which the objects of no view were made by a later release. Returns the
 * same installation with the copy.
 */
export async function withTheirControl(on: Installation, stack: Stack): Promise<Installation> {
  databases += 1;
  const name = `json_lines_${databases}`;
  await stack.postgres.createDatabase(name);
  const url = stack.postgres.url(name);
  const old = stack.connect(url);
  const folder = await mkdtemp(join(tmpdir(), 'json-lines-'));
  try {
    for (const file of await readdir(MIGRATIONS)) {
      if (Number.parseInt(file, 10) <= VERSION) await cp(join(MIGRATIONS, file), join(folder, file));
    }
    await migrate(old, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { rows: tables } = await old.query<{ name: string; columns: string }>(
    `select table_name as name, string_agg(quote_ident(column_name), ', ') as columns
     from information_schema.columns where table_schema = 'etl' and table_name != 'schema_version' and is_generated = 'NEVER'
     group by table_name`,
  );
  const statements = [];
  for (const { name: table, columns } of tables) {
    const { rows } = await on.control.query(
      `select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text as content from etl.${table} t`,
    );
    statements.push(
      `delete from etl.${table}`,
      `insert into etl.${table} (${columns}) overriding system value
       select ${columns} from jsonb_populate_recordset(null::etl.${table}, ${literal(rows[0].content)}::jsonb)`,
    );
  }
  // Tables refer to one another.
  await old.query(
    [
      'set session_replication_role = replica',
      ...statements,
      'set session_replication_role = origin',
      // The copy is the original: it has its id, and runs nowhere yet.
      'update etl.installation set home = null',
      `update etl.view_source set warehouse_fingerprint = 'before' where warehouse_fingerprint is not null`,
      `select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), (select max(id) from etl.etl_transaction))`,
    ].join(';\n'),
  );
  return await on.anotherProcess({ CONTROL_DATABASE_URL: url });
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
