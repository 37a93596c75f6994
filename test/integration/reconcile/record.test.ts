import assert from 'node:assert/strict';
import type { CheckViewResult } from '../../../functions/reconcile/check-view.ts';
import { dispatch } from '../../../functions/reconcile/reconcile.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { differencesOf } from './differences-of.ts';

const VIEW = PROJECT_ENTRY.name;
/** A value that no row has had before. */
const SECRET = 'Zanzibar';

describe('what a check leaves behind', () => {
  const { on } = useInstallation();

  beforeEach(async () => {
    await on.source.add('app_project', ...[1, 2, 3].map((id) => ({ id, name: `project ${id}` })));
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'Ankara' });
    await on.replicate();
  });

  /** Changes a row, adds one and deletes one, without log rows. */
  const changeUnlogged = () =>
    on.source.database.query(`update app_project set name = '${SECRET}' where id = 1;
      delete from app_project where id = 2;
      insert into app_project (id, name) values (4, '${SECRET}')`);

  const verdicts = async () => (await on.batches()).map(({ is_consistent }) => is_consistent);

  const rowOf = async (result: CheckViewResult) => {
    assert.ok('check' in result);
    const { rows } = await on.control.query(
      `select *, ended_at - started_at between interval '0' and interval '10 minutes' as is_timed,
         abs(extract(epoch from target_as_of - started_at)) < 600 as is_recent
       from etl.consistency_check where id = $1`,
      [result.check],
    );
    return rows[0];
  };

  /** All rows of all tables of the control database, as one text. */
  async function controlDatabase(): Promise<string> {
    const { rows } = await on.control.query(
      `select query_to_xml(format('select * from etl.%I', tablename), true, false, '')::text as content from pg_tables where schemaname = 'etl'`,
    );
    return rows.map(({ content }) => content).join('\n');
  }

  it('is whether the view is consistent, with the last applied batch', async () => {
    assert.deepEqual(await verdicts(), [null, null]);
    await on.reconcile();
    assert.deepEqual(await verdicts(), [null, true]);
    await changeUnlogged();
    await on.reconcile();
    assert.deepEqual(await verdicts(), [null, false]);
    await on.reconcile({ repair: true });
    assert.deepEqual(await verdicts(), [null, false, true]);
  });

  it('is no verdict on a batch, when a check of keys alone finds no difference', async () => {
    await on.source.database.query(`update app_project set name = '${SECRET}' where id = 1`);
    await on.reconcile({ mode: 'keys' });
    assert.deepEqual(await verdicts(), [null, null]);
    await on.reconcile();
    assert.deepEqual(await verdicts(), [null, false]);
    await on.reconcile({ mode: 'keys' });
    assert.deepEqual(await verdicts(), [null, false]);
    await on.source.database.query('delete from app_project where id = 2');
    await on.reconcile({ mode: 'keys' });
    assert.deepEqual(await verdicts(), [null, false]);
  });

  it('is a row with what was compared, when, and what was found', async () => {
    const [, batch] = await on.batches();
    await changeUnlogged();
    const row = await rowOf(await on.reconcile({ trigger: 'scheduler', by: 'Eva' }));
    assert.partialDeepStrictEqual(row, {
      ...{ view_name: VIEW, mode: 'full', trigger: 'scheduler', requested_by: 'Eva', state: 'done' },
      ...{ etl_transaction_id: batch?.id, is_timed: true, is_recent: true, buckets: 1 },
      ...{ source_rows: '3', target_rows: '3', pending: '0', error: null, is_consistent: false },
      ...{ missing: '1', extra: '1', different: '1', duplicates: '0', repaired: '0' },
      classes: { 'bypassed the log': 3 },
    });
    assert.ok(row.checkpoint !== null);
    const { rows: jobs } = await on.control.query(
      `select sum(bytes_billed)::text as bytes from etl.job_usage where job_id ~ '^check_'`,
    );
    assert.ok(BigInt(row.bytes_billed) > 0n);
    assert.equal(row.bytes_billed, jobs[0].bytes);
  });

  it('are the keys that differ with their columns, and no values outside of the report', async () => {
    const log = on.captureLog();
    await changeUnlogged();
    const result = await on.reconcile();
    assert.deepEqual(await differencesOf(on, result), [
      { key: '1', kind: 'different', columns: ['name'] },
      { key: '2', kind: 'extra', columns: [] },
      { key: '4', kind: 'missing', columns: [] },
    ]);
    const logged = JSON.stringify(log.records());
    assert.match(logged, /view and target differ/);
    for (const text of [logged, await controlDatabase(), JSON.stringify(result)]) {
      assert.doesNotMatch(text, new RegExp(`${SECRET}|Ankara|project 2`));
    }
    assert.match(await controlDatabase(), /<key>4<\/key>/);
  });

  it('is one line in the log with what was found and repaired', async () => {
    await changeUnlogged();
    const log = on.captureLog();
    await on.reconcile();
    await on.reconcile({ repair: true });
    await on.reconcile({ mode: 'keys' });
    const lines = log.records().filter(({ message }) => /^view and target/.test(String(message)));
    const found = { view: VIEW, missing: 1, extra: 1, different: 1, differences: 3 };
    assert.partialDeepStrictEqual(lines, [
      { ...found, severity: 'ERROR', message: 'view and target differ', mode: 'full', repaired: 0 },
      { ...found, severity: 'INFO', message: 'view and target are equal', repaired: 3 },
      { severity: 'INFO', message: 'view and target are equal', mode: 'keys', differences: 0 },
    ]);
  });

  it('is a batch of the kind repair, which marks extra rows of a merged target as deleted', async () => {
    await changeUnlogged();
    await on.reconcile({ repair: true });
    assert.partialDeepStrictEqual((await on.batches()).at(-1), {
      ...{ kind: 'repair', state: 'applied', rows_added: '1', rows_changed: '1', rows_deleted: '1' },
    });
    const rows = await on.query(
      `select project_id, is_deleted from ${on.targetTable()} where is_deleted order by project_id`,
    );
    assert.deepEqual(rows, [{ project_id: '2', is_deleted: true }]);
    await on.assertEqual();
  });

  it('are no repairs of rows that differ again at the third look', async () => {
    await changeUnlogged();
    let result = await on.check({ repair: true });
    for (const state of ['confirming', 'repairing']) {
      assert.partialDeepStrictEqual(result, { outcome: 'waiting', state });
      assert.ok(result.outcome === 'waiting');
      await on.catchUp();
      if (state === 'repairing')
        await on.source.database.query(`update app_project set name = 'again' where id = 4`);
      result = await on.continueCheck(result);
    }
    assert.partialDeepStrictEqual(result, { outcome: 'differences found', missing: 1, repaired: 2 });
    const { rows } = await on.control.query(
      'select key from etl.consistency_difference where not is_repaired',
    );
    assert.deepEqual(rows, [{ key: '4' }]);
  });

  it('are no repairs of rows that change all the time: they are looked at again after the settle time', async () => {
    const patient = await on.anotherProcess({ CHECK_SETTLE_SECONDS: '30' });
    const settled = () =>
      on.control.query(`update etl.consistency_check set looked_at = looked_at - interval '31 seconds'`);
    await changeUnlogged();
    const result = await on.check({ repair: true });
    assert.ok(result.outcome === 'waiting');
    await settled();
    await on.catchUp();
    assert.partialDeepStrictEqual(await patient.continueCheck(result), { state: 'repairing' });
    await on.catchUp();
    await on.source.change('app_project', 4, { name: 'again' });
    const lookJobs = async () => {
      const [jobs] = await on.bigquery.getJobs({ allUsers: true });
      return jobs.filter(({ id }) => /^check_.*-third-/.test(id ?? '')).length;
    };
    for (const _ of [1, 2]) {
      assert.partialDeepStrictEqual(await patient.continueCheck(result), { outcome: 'waiting' });
      await on.catchUp();
      assert.equal(await lookJobs(), 1);
    }
    await settled();
    await on.catchUp();
    assert.partialDeepStrictEqual(await patient.continueCheck(result), {
      outcome: 'consistent',
      repaired: 3,
    });
  });

  it('are repairs without being asked where the view has auto_repair, unless they are not wanted', async () => {
    await importConfiguration({ entries: [{ ...PROJECT_ENTRY, auto_repair: true }] }, on.dependencies);
    await changeUnlogged();
    assert.partialDeepStrictEqual(await on.reconcile({ repair: false }), {
      outcome: 'differences found',
      repaired: 0,
    });
    assert.partialDeepStrictEqual(await on.reconcile({ trigger: 'scheduler' }), {
      outcome: 'consistent',
      repaired: 3,
    });
  });

  it('are, if only keys are compared, the rows that one side lacks', async () => {
    await changeUnlogged();
    const result = await on.reconcile({ mode: 'keys', repair: true });
    assert.partialDeepStrictEqual(result, { outcome: 'consistent', missing: 1, extra: 1, different: 0 });
    assert.partialDeepStrictEqual(await on.reconcile(), { missing: 0, extra: 0, different: 1 });
  });

  describe('by a dry run', () => {
    const forecast = async (options: object = {}) => {
      const payload = { view: VIEW, dryRun: true, ...options };
      const invocation = { functionName: 'reconcile', event: payload };
      return { ...(await dispatch(payload, invocation, on.dependencies)) } as Record<string, unknown>;
    };

    it('is nothing: it says what the check would read', async () => {
      const before = await controlDatabase();
      const { bytes, sourceRows: _, ...rest } = await forecast();
      const would = 'read the target once, and once more if rows differ';
      assert.deepEqual(rest, { outcome: 'dry run', view: VIEW, would });
      assert.match(String(bytes), /^[1-9][0-9]*$/);
      assert.equal(await controlDatabase(), before);
    });

    it('is nothing: it says whether the check would be refused', async () => {
      await importConfiguration({ entries: [{ ...PROJECT_ENTRY, max_check_bytes: 1 }] }, on.dependencies);
      assert.partialDeepStrictEqual(await forecast(), {
        would: 'refuse: more than the 1 bytes of max_check_bytes',
      });
    });
  });
});
