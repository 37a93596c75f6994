import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../../shared/control/migrate.ts';
import { useInstallation } from '../../support/use-installation.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../sql/control');
const PROCEDURE = join(import.meta.dirname, 'release-0.2.0/procedure.sql');
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

describe('an installation of release 0.2.0', () => {
  const { on, stack } = useInstallation();
  let folder: string;
  let databases = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'release-0.2.0-'));
    for (const file of await readdir(MIGRATIONS)) {
      if (Number.parseInt(file, 10) <= VERSION) await cp(join(MIGRATIONS, file), join(folder, file));
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /**
   * Gives the ledger and the procedure the form that release 0.2.0 made, and copies the control database into one of that release. Returns the
   * URL of the copy.
   */
  async function downgrade(): Promise<string> {
    await on.query(`alter table ${on.ledger()} drop column unchanged`);
    const procedure = await readFile(PROCEDURE, 'utf8');
    await on.query(procedure.replaceAll('your-project', on.bigquery.projectId));
    databases += 1;
    const name = `release_0_2_0_${databases}`;
    await stack.postgres.createDatabase(name);
    const old = stack.connect(stack.postgres.url(name));
    await migrate(old, folder);
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
    return stack.postgres.url(name);
  }

  const states: Record<string, () => Promise<unknown>> = {
    'that is applied': async () => on.merge(await on.stage()),
    'that is staged': () => on.stage(),
    'that is being extracted': async () => {
      await on.stage();
      await on.control.query(
        `update etl.etl_transaction set state = 'extracting', staged_at = null where id = 2`,
      );
    },
    'that is being applied': async () => {
      await on.stage();
      await on.control.query(`update etl.etl_transaction set state = 'applying' where id = 2`);
    },
    'that failed': async () => {
      await on.stage();
      await on.control.query(`update etl.etl_transaction set state = 'failed' where id = 2;
        update etl.view_source set halted_at = now(), halted_reason = 'failed' where name = 'pmr_project'`);
    },
    'that was abandoned': async () => {
      await on.stage();
      await on.control.query(
        `update etl.etl_transaction set state = 'abandoned', ended_at = now() where id = 2`,
      );
    },
  };
  for (const [state, reach] of Object.entries(states)) {
    it(`I2 I6 goes on after an upgrade, with a batch ${state}`, async () => {
      await on.source.add(
        'app_project',
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
        { id: 3, name: 'three' },
      );
      await on.replicate();
      await on.source.change('app_project', 1, { name: 'uno' });
      await on.source.delete('app_project', 2);
      await reach();
      const control = await downgrade();
      await on.source.change('app_project', 3, { name: 'tre' });

      const upgraded = await on.anotherProcess({ CONTROL_DATABASE_URL: control });
      await upgraded.dependencies.control.viewStops.resume('pmr_project');
      for (;;) {
        const extracted = await upgraded.extract();
        if (extracted.outcome === 'idle') break;
        assert.ok('etlTransactionId' in extracted, JSON.stringify(extracted));
        await upgraded.merge(extracted);
      }

      await upgraded.assertEqual();
      await upgraded.source.change('app_project', 1, { name: 'ein' });
      await upgraded.source.log('app_project', 3, 'changed', { name: {} });
      assert.partialDeepStrictEqual(await upgraded.replicate(), { changed: '1', unchanged: '1' });
      await upgraded.assertEqual();
    });
  }
});
