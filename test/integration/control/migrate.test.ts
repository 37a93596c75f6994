import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { migrate } from '../../../shared/control/migrate.ts';
import { useControlServer } from './control-server.ts';

const OWN_MIGRATIONS = fileURLToPath(new URL('../../../sql/control/', import.meta.url));

describe('migrate', () => {
  const server = useControlServer();
  let pool: pg.Pool;

  beforeEach(async () => {
    pool = server.connect(await server.createEmpty());
  });

  it('creates the schema, and does nothing the second time', async () => {
    await migrate(pool);
    const made = await history(pool);
    await migrate(pool);

    assert.ok(made.length > 0);
    assert.deepEqual(await history(pool), made);
    assert.deepEqual((await pool.query('select count(*)::int as n from etl.view_source')).rows, [{ n: 0 }]);
  });

  it('creates it once when five processes start concurrently on an empty database', async () => {
    const url = await server.createEmpty();
    const pools = Array.from({ length: 5 }, () => server.connect(url));

    await Promise.all(pools.map((each) => migrate(each)));

    const [first] = pools;
    assert.ok(first);
    assert.deepEqual(
      (await history(first)).map(({ version }) => version),
      [...new Set((await history(first)).map(({ version }) => version))],
    );
    assert.equal(
      (await first.query(`select to_regclass('etl.etl_error') is not null as made`)).rows[0].made,
      true,
    );
  });

  it('upgrades an older version to the newest', async () => {
    await using folder = await MigrationFolder.create();
    await migrate(pool, folder.path);
    await folder.add('900.do.a-table.sql', 'create table etl.a_table (id int)');
    await folder.add('901.do.another.sql', 'create table etl.another (id int)');

    await migrate(pool, folder.path);

    assert.deepEqual(
      (await history(pool)).slice(-2).map(({ version }) => version),
      [900n, 901n],
    );
  });

  it('undoes a failed migration, and runs it again after it is corrected', async () => {
    await using folder = await MigrationFolder.create();
    await migrate(pool, folder.path);
    const before = await history(pool);
    await folder.add(
      '900.do.a-table.sql',
      'create table etl.a_table (id int); create table etl.a_table (id int)',
    );

    await assert.rejects(migrate(pool, folder.path), {
      message: /control database: .*"a_table" already exists/,
    });
    assert.deepEqual(await history(pool), before);
    await folder.add('900.do.a-table.sql', 'create table etl.a_table (id int)');
    await migrate(pool, folder.path);

    assert.equal((await history(pool)).length, before.length + 1);
  });

  it('refuses a migration whose file was edited after it was applied, even without a newer one', async () => {
    await using folder = await MigrationFolder.create();
    await folder.add('900.do.a-table.sql', 'create table etl.a_table (id int)');
    await migrate(pool, folder.path);
    await folder.add('900.do.a-table.sql', 'create table etl.a_table (id bigint)');

    await assert.rejects(migrate(pool, folder.path), {
      kind: 'bug',
      message: 'control migration 900 was edited after it was applied',
    });
  });

  it('ignores differences in line ends', async () => {
    await using folder = await MigrationFolder.create();
    await folder.add('900.do.a-table.sql', 'create table etl.a_table (\n  id int\n)');
    await migrate(pool, folder.path);
    await folder.add('900.do.a-table.sql', 'create table etl.a_table (\r\n  id int\r\n)');

    await migrate(pool, folder.path);
  });

  it('does not change the schema of a newer release', async () => {
    await using folder = await MigrationFolder.create();
    await folder.add('900.do.a-table.sql', 'create table etl.a_table (id int)');
    await migrate(pool, folder.path);

    await migrate(pool);

    assert.equal((await history(pool)).at(-1)?.version, 900n);
  });
});

/** A copy of the migrations, to which a test may add files. */
class MigrationFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<MigrationFolder> {
    const path = await mkdtemp(join(tmpdir(), 'migrations-'));
    await cp(OWN_MIGRATIONS, path, { recursive: true });
    return new MigrationFolder(path);
  }

  async add(file: string, sql: string): Promise<void> {
    await writeFile(join(this.path, file), sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

async function history(pool: pg.Pool): Promise<{ version: bigint; name: string; run_at: Date }[]> {
  const { rows } = await pool.query(
    'select version, name, run_at from etl.schema_version where version > 0 order by version',
  );
  return rows;
}
