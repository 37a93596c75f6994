import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { MAX_EXPLAINED } from '../../../functions/reconcile/explain.ts';
import { MAX_MOMENTS } from '../../../functions/reconcile/row-history.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** A row of the report, without its values. */
type Reported = {
  class: string;
  columns: string[];
  logRows: string[];
  etlTransactionId: string | null;
};

describe('why rows differ (I8)', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  const sql = (text: string) => on.source.database.query(text);
  const dml = (text: string) => on.query(text.replaceAll('TARGET', on.targetTable()));

  beforeEach(async () => {
    await on.source.add('app_company', { id: 1, name: 'Acme' }, { id: 2, name: 'Zenith' });
    for (let id = 1; id <= 5; id += 1) {
      await on.source.add('app_project', { id, name: `Project ${id}`, company_id: 1 });
    }
  });

  /** Checks the view to the end, and returns what the answer, the control database, the log and the report say alike. */
  async function check(view = 'pmr_project', end = () => on.reconcile({}, view)) {
    const sink = on.captureLog();
    const result = await end();
    assert.ok('classes' in result, JSON.stringify(result));
    const { classes } = result;
    const { rows: checks } = await on.control.query(
      'select classes, report from etl.consistency_check where view_name = $1 order by id desc limit 1',
      [view],
    );
    assert.deepEqual(checks[0].classes, classes);
    const line = sink.records().find(({ message }) => message === 'view and target differ');
    assert.deepEqual(line?.classes, classes);
    const rows = await reported(checks[0].report);
    return { classes, rows };
  }

  async function reported(name: string): Promise<Map<string, Reported>> {
    const [content] = await on.bucket.file(name).download();
    const text = (content[0] === 0x1f ? gunzipSync(content) : content).toString().trimEnd();
    const rows = text.split('\n').map((line) => JSON.parse(line) as Reported & { key: string });
    return new Map(rows.map((row) => [row.key, row]));
  }

  const lastLogRow = async (): Promise<string> =>
    (await sql('select max(id)::text as id from models_logging_change')).rows[0].id;

  const reimport = (entry: object) =>
    importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...entry }] }, on.dependencies);

  /** Lets the batches so far, and what was logged, be older than BigQuery remembers. */
  const forgetHistory = () =>
    on.control.query(`update etl.etl_transaction set applied_at = applied_at - interval '8 days'`);

  it('bypassed the log: a change, a new row and a deletion without log rows', async () => {
    const { etlTransactionId } = await on.replicate();
    await on.source.change('app_project', 3, { name: 'logged' });
    await on.replicate();
    await sql(`update app_project set name = 'changed' where id in (1, 3)`);
    await sql('delete from app_project where id = 2');
    await sql(`insert into app_project (id, name) values (6, 'new')`);
    const { classes, rows } = await check();
    assert.deepEqual(classes, { 'bypassed the log': 4 });
    const { rows: log } = await sql(
      `select id::text from models_logging_change where (content_type_id, object_id) in ((7, '1'), (8, '1')) order by 1 desc`,
    );
    assert.deepEqual(rows.get('1')?.columns, ['name']);
    assert.deepEqual(
      rows.get('1')?.logRows,
      log.map(({ id }) => id),
    );
    assert.equal(rows.get('1')?.etlTransactionId, etlTransactionId);
    assert.deepEqual(rows.get('6')?.logRows, []);
    assert.equal(rows.get('6')?.etlTransactionId, null);
  });

  it('bypassed the log: a row that came back without a log row after its deletion was applied', async () => {
    await on.replicate();
    await on.source.delete('app_project', 1);
    const { etlTransactionId } = await on.replicate();
    await sql(`insert into app_project (id, name) values (1, 'back')`);
    const { classes, rows } = await check();
    assert.deepEqual(classes, { 'bypassed the log': 1 });
    assert.equal(rows.get('1')?.etlTransactionId, etlTransactionId);
  });

  it('unexplained: a log row became visible after the look', async () => {
    await on.replicate();
    await sql(`update app_project set name = 'changed' where id = 1`);
    const { warehouse } = on.dependencies;
    const readComparedRows: typeof warehouse.readComparedRows = async (...given) => {
      const rows = await warehouse.readComparedRows(...given);
      await on.source.log('app_project', 1, 'changed', { name: { old: null, new: null } });
      return rows;
    };
    on.dependencies = { ...on.dependencies, warehouse: { ...warehouse, readComparedRows } };
    const { classes, rows } = await check();
    assert.deepEqual(classes, { unexplained: 1 });
    assert.equal(rows.get('1')?.logRows[0], await lastLogRow());
  });

  it('log row ignored: it lists no tracked column, but the save wrote one', async () => {
    await reimport({ skip_untracked: true });
    await on.replicate();
    await sql(`update app_project set name = 'changed' where id = 1`);
    await on.source.change('app_project', 1, { remark: 'x' });
    await on.catchUp();
    const { classes, rows } = await check();
    assert.deepEqual(classes, { 'log row ignored': 1 });
    assert.deepEqual(rows.get('1')?.logRows, [await lastLogRow()]);
  });

  it('log row ignored: one of a lookup', async () => {
    await sql('alter table app_company add column city text');
    await reimport({ lookups: PROJECT_ENTRY.lookups.map((lookup) => ({ ...lookup, skip_untracked: true })) });
    await on.replicate();
    await sql(`update app_company set name = 'changed' where id = 1`);
    await on.source.change('app_company', 1, { city: 'x' });
    await on.catchUp();
    const { classes, rows } = await check();
    assert.deepEqual(classes, { 'log row ignored': 5 });
    assert.deepEqual(rows.get('3')?.logRows, [await lastLogRow()]);
  });

  it('bypassed the log, although an earlier log row was ignored: the batch after it carried the row', async () => {
    await reimport({ skip_untracked: true });
    await on.replicate();
    await on.source.change('app_project', 1, { remark: 'x' });
    await on.source.change('app_project', 1, { name: 'logged' });
    await on.replicate();
    await sql(`update app_project set name = 'changed' where id = 1`);
    assert.deepEqual((await check()).classes, { 'bypassed the log': 1 });
  });

  it('lookup changed: its row was deleted, and the rows that pointed at it got NULL', async () => {
    await reimport({ lookups: PROJECT_ENTRY.lookups.map((lookup) => ({ ...lookup, sets_null: false })) });
    await on.replicate();
    await sql('update app_project set company_id = null');
    await on.source.delete('app_company', 1);
    await on.catchUp();
    const { classes, rows } = await check();
    assert.deepEqual(classes, { 'lookup changed': 5 });
    assert.deepEqual(rows.get('1')?.columns, ['company']);
    assert.deepEqual(rows.get('1')?.logRows, [await lastLogRow()]);
  });

  it('lookup changed: its log row was committed before its change', async () => {
    await on.replicate();
    await on.source.log('app_company', 1, 'changed', { name: {} });
    await on.catchUp();
    await sql(`update app_company set name = 'changed' where id = 1`);
    await sql(`update app_project set name = 'changed, too' where id = 2`);
    const { classes, rows } = await check();
    // A column of the main table differs in the second row, which no change of the lookup explains.
    assert.deepEqual(classes, { 'lookup changed': 4, 'bypassed the log': 1 });
    assert.deepEqual(rows.get('2')?.columns, ['name', 'company']);
    assert.deepEqual(rows.get('1')?.logRows, [await lastLogRow()]);
  });

  it('lookup changed: nobody follows the table', async () => {
    await reimport({ lookups: [], ignored_dependencies: ['app_company'] });
    await on.replicate();
    await on.source.change('app_company', 1, { name: 'changed' });
    await on.catchUp();
    assert.deepEqual((await check()).classes, { 'lookup changed': 5 });
  });

  it('bypassed the log: a lookup changed without a log row', async () => {
    await on.replicate();
    await sql(`update app_company set name = 'changed' where id = 1`);
    assert.deepEqual((await check()).classes, { 'bypassed the log': 5 });
  });

  it('view definition changed: between the two looks', async () => {
    await on.replicate();
    await sql(`update app_project set name = 'changed' where id = 1`);
    const { classes } = await check('pmr_project', async () => {
      const begun = await on.check();
      assert.equal(begun.outcome, 'waiting');
      await on.catchUp();
      await sql(`create or replace view pmr_project as
        select p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at
        from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy and p.id > 0`);
      return await on.continueCheck(begun);
    });
    assert.deepEqual(classes, { 'view definition changed': 1 });
  });

  it('changed in BigQuery: rows that somebody changed, removed, marked as deleted and added', async () => {
    await on.replicate();
    await on.source.change('app_project', 5, { name: 'logged' });
    const { etlTransactionId } = await on.replicate();
    await dml(`update TARGET set name = 'x' where project_id in (1, 5)`);
    await dml('delete from TARGET where project_id = 2');
    await dml('update TARGET set is_deleted = true where project_id = 3');
    await dml(`insert into TARGET (project_id, name) values (6, 'x')`);
    await sql(`update app_project set name = 'changed' where id = 4`);
    const { classes, rows } = await check();
    assert.deepEqual(classes, { 'changed in BigQuery': 5, 'bypassed the log': 1 });
    assert.equal(rows.get('4')?.class, 'bypassed the log');
    assert.equal(rows.get('5')?.etlTransactionId, etlTransactionId);
  });

  it('changed in BigQuery: proved before an ignored log row is blamed', async () => {
    await reimport({ skip_untracked: true });
    await on.replicate();
    await dml(`update TARGET set name = 'x' where project_id = 1`);
    await on.source.change('app_project', 1, { remark: 'x' });
    await on.catchUp();
    assert.deepEqual((await check()).classes, { 'changed in BigQuery': 1 });
  });

  it('changed in BigQuery: a row that a later batch brought, and that somebody removed', async () => {
    await on.replicate();
    await on.source.add('app_project', { id: 6, name: 'six' });
    await on.replicate();
    await dml('delete from TARGET where project_id = 6');
    assert.deepEqual((await check()).classes, { 'changed in BigQuery': 1 });
  });

  it('unexplained: a row that a batch brought after the last moment at which all were there, if history does not show that batch', async () => {
    await on.replicate();
    await on.source.add('app_project', { id: 6, name: 'six' });
    const { etlTransactionId } = await on.replicate();
    await dml('delete from TARGET where project_id = 6');
    await on.control.query(
      `update etl.etl_transaction set applied_at = applied_at - interval '8 days' where id = $1`,
      [etlTransactionId],
    );
    assert.deepEqual((await check()).classes, { unexplained: 1 });
  });

  it('unexplained: what happened before the time that BigQuery remembers', async () => {
    await on.replicate();
    await forgetHistory();
    await sql(`update app_project set name = 'changed' where id = 1`);
    await sql(`insert into app_project (id, name) values (6, 'new')`);
    await dml(`update TARGET set name = 'x' where project_id = 2`);
    const { classes } = await check();
    assert.deepEqual(classes, { unexplained: 3 });
  });

  it('tells a new row from one that was removed by the last check that found both sides equal', async () => {
    await on.replicate();
    await forgetHistory();
    assert.equal((await on.reconcile()).outcome, 'consistent');
    await sql(`insert into app_project (id, name) values (6, 'new')`);
    await dml('delete from TARGET where project_id = 2');
    const { rows } = await check();
    assert.equal(rows.get('6')?.class, 'bypassed the log');
    assert.equal(rows.get('2')?.class, 'changed in BigQuery');
  });

  it('the log alone decides where BigQuery refuses to show the past', async () => {
    await reimport({ skip_untracked: true });
    await on.replicate();
    await sql(`update app_project set name = 'changed' where id in (1, 2)`);
    await on.source.change('app_project', 1, { remark: 'x' });
    await on.catchUp();
    // The table is younger than its batches, as far as BigQuery knows.
    await on.control.query(`update etl.etl_transaction set applied_at = applied_at - interval '1 day'`);
    const { classes } = await check();
    assert.deepEqual(classes, { 'log row ignored': 1, unexplained: 1 });
  });

  it('looks at a few moments of the past at most', async () => {
    await on.replicate();
    for (let id = 101; id <= 101 + MAX_MOMENTS; id += 1) {
      await on.source.add('app_project', { id, name: 'x' });
      await on.replicate();
    }
    await sql(`update app_project set name = 'changed' where id > 100`);
    const { classes } = await check();
    assert.deepEqual(classes, { 'bypassed the log': MAX_MOMENTS, unexplained: 1 });
    const [jobs] = await on.bigquery.getJobs({ allUsers: true });
    const looks = jobs.filter(({ id }) => id?.includes('-history-'));
    assert.equal(looks.length, MAX_MOMENTS + 1);
  });

  it('reads no history when its time is up', async () => {
    await on.replicate();
    await sql(`update app_project set name = 'changed' where id = 1`);
    const { warehouse } = on.dependencies;
    let aheadMs = 0;
    const clock = { nowMs: () => Date.now() + aheadMs };
    const readComparedRows: typeof warehouse.readComparedRows = async (...given) => {
      const rows = await warehouse.readComparedRows(...given);
      aheadMs = 600_000;
      return rows;
    };
    on.dependencies = { ...on.dependencies, clock, warehouse: { ...warehouse, readComparedRows } };
    assert.deepEqual((await check()).classes, { unexplained: 1 });
    const [jobs] = await on.bigquery.getJobs({ allUsers: true });
    assert.ok(!jobs.some(({ id }) => id?.includes('-history-')));
  });

  it('explains so many rows one by one, and leaves the others', async () => {
    await on.replicate();
    await sql(
      `insert into app_project (id, name) select n, 'x' from generate_series(1001, 1001 + ${MAX_EXPLAINED}) n`,
    );
    assert.deepEqual((await check()).classes, { 'bypassed the log': MAX_EXPLAINED, unexplained: 1 });
  });

  it('unexplained: rows that one side has twice', async () => {
    await on.replicate();
    await dml('insert into TARGET select * from TARGET where project_id = 1');
    assert.deepEqual((await check()).classes, { unexplained: 1 });
  });

  it('reads no history of a streamed target: the log and the number of the batch decide alone', async () => {
    const view = STREAMED_ENTRY.name;
    await importConfiguration({ entries: [{ ...STREAMED_ENTRY, skip_untracked: true }] }, on.dependencies);
    await sql('alter table app_incident add column remark text');
    for (const id of [1, 2, 3]) await on.source.add('app_incident', { id, owner: 'Eva' });
    await on.replicate(view);
    await sql(`update app_incident set owner = 'Ada' where id in (1, 2)`);
    await on.source.change('app_incident', 1, { remark: 'x' });
    await on.catchUp(view);
    await sql(`insert into app_incident (id, owner) values (4, 'Eva')`);
    await sql('delete from app_incident where id = 3');
    const { classes, rows } = await check(view);
    assert.deepEqual(classes, { 'log row ignored': 1, unexplained: 3 });
    assert.equal(rows.get('1')?.class, 'log row ignored');
    const [jobs] = await on.bigquery.getJobs({ allUsers: true });
    assert.ok(!jobs.some(({ id }) => id?.includes('-history-')));
  });
});
