import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import type { Installation } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** The view of source.sql, whose dates are texts in the table. */
const DATED = `alter table app_project alter column opened type text using '03/04/2024';
  create or replace view pmr_project as
  select p.id as project_id, p.name, c.name as company, p.share, p.opened::date as opened, p.updated_at
  from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy`;

describe('the settings of the database', () => {
  const { on } = useInstallation();
  const sql = (text: string) => on.source.database.query(text);
  /** Changes the settings, and goes on in a process with new connections, since a session keeps its own. */
  const set = async (command: string): Promise<Installation> => {
    const { rows } = await sql('select quote_ident(current_database()) as name');
    await sql(`alter database ${rows[0].name} ${command}`);
    return await on.anotherProcess();
  };
  const targetDates = async () => {
    const [rows] = await on.bigquery.query(
      'select cast(opened as string) as opened from SMartDataAnalytics.project order by project_id',
    );
    return rows.map(({ opened }) => opened as string);
  };
  const loadAgain = async (process: Installation) => {
    const batch = await process.stage();
    assert.equal(batch.kind, 'resync');
    await process.merge(batch);
  };

  beforeEach(async () => {
    await sql('drop view pmr_project');
    await sql(DATED);
    await sql('grant select on pmr_project to reader');
    await on.source.add('app_project', { id: 1, name: 'One', opened: '03/04/2024' });
  });

  it('I9 say what a view computes, as in the application: 03/04/2024 is in April with DMY', async () => {
    const process = await set(`set datestyle = 'ISO, DMY'`);
    await process.replicate();

    assert.deepEqual(await targetDates(), ['2024-04-03']);
  });

  it('I2 load a view again when they change, by themselves and once', async () => {
    await on.replicate();
    assert.deepEqual(await targetDates(), ['2024-03-04']);

    const process = await set(`set datestyle = 'SQL, DMY'`);
    assert.deepEqual(await process.extract(), { outcome: 'resync requested', view: 'pmr_project' });
    await loadAgain(process);

    assert.deepEqual(await targetDates(), ['2024-04-03']);
    assert.equal((await process.extract()).outcome, 'idle');
    const { rows } = await on.control.query('select kind, action from etl.schema_change');
    assert.deepEqual(rows, [{ kind: 'settings', action: 'resync' }]);
  });

  it('I2 load a view again after an upgrade from a release that computed it under settings of its own', async () => {
    const process = await set(`set datestyle = 'ISO, DMY'`);
    await process.replicate();
    await on.control.query(`update etl.checkpoint set definition = definition - 'settings'`);

    assert.equal((await process.extract()).outcome, 'resync requested');
  });

  it('load no view again after that upgrade if they are what that release set', async () => {
    await on.replicate();
    await on.control.query(`update etl.checkpoint set definition = definition - 'settings'`);

    assert.equal((await on.extract()).outcome, 'idle');
  });

  it('halt a view whose view source says so, and name what has changed', async () => {
    await on.control.query(`update etl.view_source set view_changes = 'halt' where name = 'pmr_project'`);
    await on.replicate();

    const process = await set(`set intervalstyle = 'iso_8601'`);
    await assert.rejects(process.extract(), {
      kind: 'schema_drift',
      message:
        'view pmr_project computes under other settings than when its rows were loaded: IntervalStyle is iso_8601 instead of postgres',
    });
  });

  it('of the control database do not matter', async () => {
    const { rows } = await on.control.query('select quote_ident(current_database()) as name');
    for (const setting of [`datestyle = 'German'`, 'extra_float_digits = -15']) {
      await on.control.query(`alter database ${rows[0].name} set ${setting}`);
    }
    const process = await on.anotherProcess();
    const batch = await process.stage();
    const transaction = await process.dependencies.control.batches.get(
      'pmr_project',
      BigInt(batch.etlTransactionId),
    );
    assert.ok(Math.abs(transaction.startedAt.getTime() - Date.now()) < 600_000);
    await process.merge(batch);
    assert.deepEqual(await targetDates(), ['2024-03-04']);
  });

  describe('in a check', () => {
    const found = async (process: Installation) => {
      const { ok, findings } = await preflight({ view: undefined }, process.dependencies);
      assert.equal(ok, true, JSON.stringify(findings));
      return findings.filter(({ check: name }) => name === 'source settings');
    };

    afterEach(async () => {
      await sql('alter role reader reset all');
      await sql('drop role if exists shop');
    });

    it('are those under which the views compute', async () => {
      const process = await set(`set datestyle = 'ISO, DMY'`);

      const [settings, ...others] = await found(process);

      assert.match(
        settings?.message ?? '',
        /^views compute under DateStyle ISO, DMY; IntervalStyle postgres; TimeZone UTC; bytea_output hex; /,
      );
      assert.deepEqual(others, []);
    });

    it('are compared with those of our own role, which go before', async () => {
      await sql(`alter role reader set datestyle = 'German'`);
      const process = await set(`set datestyle = 'ISO, DMY'`);

      const [, own] = await found(process);

      assert.equal(
        own?.message,
        'role reader sets DateStyle to German, DMY for itself, so that views may compute something else than in the application',
      );
      const { rows } = await sql('select current_database() as name');
      assert.match(
        own?.advice ?? '',
        new RegExp(`alter role "reader" in database "${rows[0].name}" set DateStyle = `),
      );
    });

    it('are compared with those of a role as which the application may connect, until the advice is followed', async () => {
      await sql(
        `create role shop; alter role shop set datestyle = 'SQL, DMY'; alter role shop set timezone = 'Asia/Bangkok'`,
      );

      const [, dates, zone] = await found(on);

      assert.equal(dates?.message, 'role shop sets DateStyle to SQL, DMY, but views compute under another');
      assert.equal(
        zone?.advice,
        'If the application connects as shop: set SOURCE_TIME_ZONE=Asia/Bangkok, and deploy again.',
      );
      const command = /: (alter role .*;)$/.exec(dates?.advice ?? '')?.[1];
      await sql(command ?? assert.fail('the advice has no statement'));
      const mended = await on.anotherProcess({ SOURCE_TIME_ZONE: 'Asia/Bangkok' });
      assert.deepEqual(
        (await found(mended)).map(({ message }) => message).filter((message) => message.includes('shop')),
        [],
      );
    });
  });
});
