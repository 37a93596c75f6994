import assert from 'node:assert/strict';
import pg from 'pg';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { logUnloggedChanges, recordUnloggedChanges } from '../../local/unlogged-changes.ts';
import { createSmartApp } from '../../smartapp/create-smartapp.ts';
import { MODELS } from '../../smartapp/models.ts';
import { WORKLOAD_NAME, Workload } from '../../smartapp/workload.ts';

describe('the changes that a killed SMartApp has not logged', () => {
  let postgres: Postgres;
  let superuser: pg.Client;
  /** One of the workload's connections. */
  let application: pg.Client;

  before(async () => {
    postgres = await startPostgres();
    await createSmartApp(postgres.url(), { scale: 0.02 });
    [superuser, application] = [
      new pg.Client(postgres.url()),
      new pg.Client({ connectionString: postgres.url(), application_name: WORKLOAD_NAME }),
    ];
    await Promise.all([superuser.connect(), application.connect()]);
    await recordUnloggedChanges(superuser);
  });

  after(async () => {
    await Promise.all([superuser.end(), application.end()]);
    await postgres.stop();
  });

  it('do not exist after a workload that stopped normally', async () => {
    const { logRows } = await new Workload({ connectionString: postgres.url() }).run({ changes: 300 });
    assert.ok(logRows > 0);
    assert.equal(await logUnloggedChanges(superuser), 0);
  });

  it('get one log row per object, which counts as a change of every column', async () => {
    const { rows } = await application.query('select id from app_project order by id limit 2');
    const [first, second] = rows.map(({ id }) => String(id));
    await application.query(`update app_project set project_name = 'a' where id = $1`, [first]);
    await application.query(`update app_project set project_name = 'b' where id = any($1)`, [
      [first, second],
    ]);
    const { lastId } = (await superuser.query('select max(id) as "lastId" from models_logging_change'))
      .rows[0];

    assert.equal(await logUnloggedChanges(superuser), 2);
    const logged = await superuser.query(
      `select content_type_id, object_id, action, changed_data from models_logging_change
       where id > $1 order by object_id::bigint`,
      [lastId],
    );
    const logRow = { content_type_id: MODELS.project.contentTypeId, action: 'changed', changed_data: null };
    assert.deepEqual(logged.rows, [
      { ...logRow, object_id: first },
      { ...logRow, object_id: second },
    ]);
    assert.equal(await logUnloggedChanges(superuser), 0);
  });

  it('do not include changes by other clients or in a rolled-back transaction', async () => {
    await superuser.query(`update app_project set project_name = 'by hand'`);
    await application.query(`begin; update app_project set project_name = 'never'; rollback`);
    assert.equal(await logUnloggedChanges(superuser), 0);
  });

  it('stay recorded when an earlier change of the same object is logged', async () => {
    const change = `update app_project set has_pm = not has_pm where id = (select min(id) from app_project)`;
    const other = new pg.Client({ connectionString: postgres.url(), application_name: WORKLOAD_NAME });
    await other.connect();
    await application.query(change);
    await other.query('begin');
    await other.query(`
      insert into models_logging_change (date_created, object_id, content_type_id, object_repr, action)
      select now(), min(id), ${MODELS.project.contentTypeId}, '', 'changed' from app_project`);
    await application.query(change);
    await other.query('commit');
    await other.end();

    assert.equal(await logUnloggedChanges(superuser), 1);
  });
});
