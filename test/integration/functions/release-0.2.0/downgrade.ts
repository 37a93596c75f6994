import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { migrate } from '../../../../shared/control/migrate.ts';
import type { Manifest, StagedObject } from '../../../../shared/staging/staging.ts';
import { INSTALLATION_LABEL } from '../../../../shared/warehouse/found-table.ts';
import type { Installation } from '../../../support/installation.ts';
import { DATASETS, type Stack } from '../../../support/stack.ts';
import { linesOf } from './lines-of.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../../sql/control');
const PROCEDURE = join(import.meta.dirname, 'procedure.sql');
/** The last migration of release 0.2.0. */
const VERSION = 7;

/** The tables of release 0.2.0, each after those that it refers to. */
const TABLES = [
  'view_source',
  'former_target',
  'etl_transaction',
  'checkpoint',
  'queued_key',
  'lease',
  'etl_error',
];

/** What release 0.2.0 wrote into the manifest of a batch. */
const MANIFEST = [
  'view',
  'etl_transaction_id',
  'columns',
  'is_direct_load',
  'upserts',
  'deletes',
  'bytes',
  'objects',
];

let databases = 0;

/** Copies the control database into one of release 0.2.0, and gives manifests and targets the form of that release. Returns the URL of the copy. */
export async function downgrade(on: Installation, stack: Stack): Promise<string> {
  databases += 1;
  const name = `release_0_2_0_${databases}`;
  await stack.postgres.createDatabase(name);
  const old = stack.connect(stack.postgres.url(name));
  const folder = await mkdtemp(join(tmpdir(), 'release-0.2.0-'));
  try {
    for (const file of await readdir(MIGRATIONS)) {
      if (Number.parseInt(file, 10) <= VERSION) await cp(join(MIGRATIONS, file), join(folder, file));
    }
    await migrate(old, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  for (const table of TABLES) {
    const { rows } = await on.control.query(
      `select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text as content from etl.${table} t`,
    );
    // It ignores the columns that the release does not have.
    await old.query(
      `insert into etl.${table} overriding system value
       select * from jsonb_populate_recordset(null::etl.${table}, $1::jsonb)`,
      [rows[0].content],
    );
  }
  await old.query(
    `select setval(pg_get_serial_sequence('etl.etl_transaction', 'id'), (select max(id) from etl.etl_transaction))`,
  );
  await downgradeManifests(on);
  await downgradeTargets(on);
  return stack.postgres.url(name);
}

/** Gives the ledger and the procedure of the merged view the form that release 0.2.0 made. */
export async function downgradeProcedure(on: Installation): Promise<void> {
  await on.query(`alter table ${on.ledger()} drop column unchanged`);
  const procedure = await readFile(PROCEDURE, 'utf8');
  await on.query(procedure.replaceAll('your-project', on.bigquery.projectId));
}

/** The release staged lines of JSON alone. */
async function downgradeManifests(on: Installation): Promise<void> {
  const [files] = await on.bucket.getFiles();
  for (const file of files.filter(({ name }) => name.endsWith('/manifest.json'))) {
    const [content] = await file.download();
    const manifest = JSON.parse(content.toString('utf8')) as Manifest;
    const objects = await Promise.all(
      manifest.objects.map((object) =>
        manifest.format === 'ndjson' ? object : asLines(on, manifest, object),
      ),
    );
    const lines: Record<string, unknown> = { ...manifest, is_direct_load: manifest.direct_load, objects };
    const old = Object.fromEntries(MANIFEST.map((key) => [key, lines[key]]));
    await file.save(JSON.stringify(old), { resumable: false });
  }
}

/** Puts an object with the same rows in the place of another one. */
async function asLines(on: Installation, manifest: Manifest, object: StagedObject): Promise<StagedObject> {
  const lines = await linesOf(on, manifest, object);
  const content = gzipSync(lines.map((line) => `${line}\n`).join(''));
  const name = object.name.replace(/\.(avro|pb\.zst)$/, '.ndjson.gz');
  await on.bucket.file(name).save(content, { resumable: false });
  await on.bucket.file(object.name).delete();
  const md5 = createHash('md5').update(content).digest('base64');
  return { name, rows: lines.length, bytes: content.length, md5 };
}

/** The release set no label. */
async function downgradeTargets({ bigquery }: Installation): Promise<void> {
  const [tables] = await bigquery.dataset(DATASETS.target).getTables();
  for (const table of tables) {
    await table.setMetadata({ labels: { [INSTALLATION_LABEL]: null as unknown as string } });
  }
}
