import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { dispatch } from '../../../functions/extract/extract.ts';
import { dispatch as dispatchToReconcile } from '../../../functions/reconcile/reconcile.ts';
import { checkLease } from '../../../shared/control/consistency-checks.ts';
import type { ViewStatus } from '../../../shared/control/status.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { useInstallation } from '../../support/use-installation.ts';

const PROJECT = 'pmr_project';

describe('an operator who wants both sides compared', () => {
  const { on, stack } = useInstallation();

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
  });

  const ask = async (payload: object, caller: string | null = null): Promise<Record<string, unknown>> => {
    const invocation = { functionName: 'extract', event: payload, caller };
    return { ...(await dispatch(payload, invocation, on.dependencies)) };
  };
  const asked = () => on.mailboxes.reconcile.take();
  const statusOf = async (view = PROJECT): Promise<ViewStatus> => {
    const { views } = (await ask({ status: true, view })) as { views: ViewStatus[] };
    assert.ok(views[0]);
    return views[0];
  };
  const changeUnlogged = () => on.source.database.query(`update app_project set name = 'raw' where id = 2`);

  const reportNamed = async (name: string): Promise<string> => {
    const [content] = await on.parts.bucket.file(name).download();
    return gunzipSync(content).toString();
  };

  it('asks for a check of a view by the topic, with options and with the name of the caller', async () => {
    await on.replicate();

    const answer = await ask({ view: PROJECT, reconcile: true, repair: true, since: 7 }, 'eva@example.com');

    assert.deepEqual(answer, { outcome: 'check requested', view: PROJECT });
    const [event, ...others] = await asked();
    assert.deepEqual(others, []);
    assert.deepEqual(event, { view: PROJECT, repair: true, since: 7, by: 'eva@example.com' });
  });

  it('asks for a check of all views, and each that was loaded gets one', async () => {
    await on.replicate();
    assert.deepEqual(await ask({ reconcile: true, mode: 'keys' }), { outcome: 'checks requested' });
    const [event] = await asked();
    assert.deepEqual(event, { mode: 'keys' });

    const invocation = { functionName: 'reconcile', event };
    const fanned = await dispatchToReconcile(event, invocation, on.dependencies);

    assert.deepEqual(fanned, { outcome: 'fanned out', views: [PROJECT] });
    assert.deepEqual(await asked(), [{ view: PROJECT, mode: 'keys' }]);
  });

  it('is told when a view cannot be checked', async () => {
    assert.deepEqual(await ask({ view: PROJECT, reconcile: true }), {
      ...{ outcome: 'skipped', view: PROJECT, reason: 'not loaded yet' },
    });
    await on.replicate();
    await ask({ view: PROJECT, pause: true });
    assert.deepEqual(await ask({ view: PROJECT, reconcile: true }), {
      ...{ outcome: 'skipped', view: PROJECT, reason: 'paused' },
    });
    await assert.rejects(ask({ view: 'nothing', reconcile: true }), { kind: 'invalid_event' });
    await assert.rejects(ask({ view: PROJECT, reconcile: true, dryRun: true }), {
      kind: 'invalid_event',
      advice: /call the function reconcile with/,
    });
    await assert.rejects(ask({ view: PROJECT, reconcile: true, mode: 'keys', since: 7 }), {
      kind: 'invalid_event',
      message: /since: cannot be given together with "mode"/,
    });
    assert.deepEqual(await asked(), []);
  });

  it('sees in the status how far a check is, and then what it found and repaired', async () => {
    await on.replicate();
    assert.deepEqual([(await statusOf()).lastCheck, (await statusOf()).runningCheck], [null, null]);
    await changeUnlogged();
    const begun = await on.check({ repair: true, by: 'Eva' });
    assert.ok(begun.outcome === 'waiting', JSON.stringify(begun));

    const { runningCheck } = await statusOf();

    const { startedAt, ...running } = runningCheck ?? assert.fail();
    assert.ok(Math.abs(Date.now() - Date.parse(startedAt)) < 600_000);
    assert.deepEqual(running, {
      ...{ check: begun.check, mode: 'full', sinceDays: null, state: 'confirming', by: 'Eva', repairs: true },
      ...{ partsDone: 1, parts: 1, sourceRows: '2', rowPartsDone: 1, rowParts: 1, differences: 1 },
    });

    let result = await on.continueCheck(begun);
    while (result.outcome === 'waiting') {
      await on.catchUp();
      result = await on.continueCheck(result);
    }

    const { lastCheck, ...after } = await statusOf();
    assert.equal(after.runningCheck, null);
    const { endedAt, startedAt: since, report, classes, bytesBilled, ...ended } = lastCheck ?? assert.fail();
    assert.ok(Date.parse(endedAt) > Date.parse(since));
    assert.deepEqual(ended, {
      ...{ check: begun.check, mode: 'full', sinceDays: null, by: 'Eva', isConsistent: true },
      ...{ sourceRows: '2', targetRows: '2', pending: '0', why: null },
      ...{ missing: '0', extra: '0', different: '1', duplicates: '0', repaired: '1' },
    });
    assert.deepEqual(Object.values(classes), [1]);
    assert.match(String(bytesBilled), /^[1-9][0-9]*$/);
    const { key, source, target } = JSON.parse(await reportNamed(String(report)));
    assert.deepEqual([key, source.name, target.name], ['2', 'raw', 'two']);
  });

  it('sees the latest check that ended beside one that has not', async () => {
    await on.replicate();
    await on.reconcile({ mode: 'keys' });
    await on.reconcile();
    await changeUnlogged();
    await on.check();

    const { lastCheck, runningCheck } = await statusOf();

    assert.partialDeepStrictEqual(lastCheck, { isConsistent: true, mode: 'full' });
    assert.equal(runningCheck?.state, 'confirming');
  });

  it('sees why a check found no answer', async () => {
    await on.replicate();
    await on.query(`drop table ${on.targetTable()}`);
    await assert.rejects(on.check(), { kind: 'invalid_event' });

    assert.partialDeepStrictEqual((await statusOf()).lastCheck, {
      isConsistent: null,
      why: `view ${PROJECT}: its target does not exist`,
    });
  });

  it('I12 lets reconcile ask BigQuery for the target alone, since it has no right to see another dataset', async () => {
    await on.replicate();
    stack.bigquery.faults.clear();
    const event = { view: PROJECT, dryRun: true };

    const answer = await dispatchToReconcile(event, { functionName: 'reconcile', event }, on.dependencies);

    assert.partialDeepStrictEqual(answer, { outcome: 'dry run', view: PROJECT });
    const tables = stack.bigquery.faults.calls.filter((call) => call === 'bigquery.tables.get');
    assert.equal(tables.length, 1);
  });

  it('redrives a check whose event was dead-lettered', async () => {
    const event = { view: PROJECT, mode: 'keys' };
    const error = new DataHubError('bug', 'x');
    await on.dependencies.control.failures.record({ functionName: 'reconcile', event, error });
    const { failures } = (await ask({ status: true })) as { failures: { id: string }[] };

    await ask({ redrive: failures.map(({ id }) => id) });

    assert.deepEqual(await asked(), [event]);
  });

  it('is told by the preflight when the topic is missing', async () => {
    await on.parts.pubsub.topic('cdc-reconcile').delete();

    const { findings } = (await ask({ check: true })) as { findings: { check: string; message: string }[] };

    const topics = findings.find(({ check }) => check === 'topics');
    assert.equal(topics?.message, 'missing: cdc-reconcile');
  });

  it('forgets a view with its checks, but not while one is being worked on', async () => {
    await on.replicate();
    await changeUnlogged();
    const begun = await on.check();
    assert.ok(begun.outcome === 'waiting', JSON.stringify(begun));
    const { leases } = on.dependencies.control;
    const lease = await leases.acquire(checkLease(PROJECT), 60);
    assert.ok(lease);
    await assert.rejects(ask({ view: PROJECT, forget: true, confirm: PROJECT }), {
      message: /a function is working on it/,
    });
    await on.control.query('update etl.lease set expires_at = now() where token = $1', [lease.token]);

    const { removes } = (await ask({ view: PROJECT, forget: true })) as { removes: { checks: number } };
    assert.equal(removes.checks, 1);
    await ask({ view: PROJECT, forget: true, confirm: PROJECT });

    for (const table of ['consistency_check', 'consistency_difference']) {
      assert.equal((await on.control.query(`select from etl.${table}`)).rowCount, 0, table);
    }
    assert.deepEqual(await on.continueCheck(begun), {
      ...{ outcome: 'already finished', view: PROJECT, check: begun.check },
    });
    assert.deepEqual(await on.check(), { outcome: 'skipped', view: PROJECT, reason: 'forgotten' });
    const byHand = { functionName: 'reconcile', event: {}, isByHand: true };
    await assert.rejects(dispatchToReconcile({ view: PROJECT }, byHand, on.dependencies), {
      kind: 'invalid_event',
    });
  });

  it('gets a report of its own from a look that is repeated, since reconcile may not replace an object', async () => {
    await on.replicate();
    await changeUnlogged();
    const begun = await on.check({ repair: true });
    assert.ok(begun.outcome === 'waiting', JSON.stringify(begun));
    await on.catchUp();
    await on.control.query(
      `alter table etl.queued_key add constraint none check (kind <> 'repair') not valid`,
    );
    await assert.rejects(on.continueCheck(begun));
    await on.control.query('alter table etl.queued_key drop constraint none');
    await on.control.query(
      `update etl.consistency_check set state = 'confirming', ended_at = null, error = null`,
    );
    await on.source.database.query(`update app_project set name = 'later' where id = 2`);

    await on.continueCheck(begun);

    const [reports] = await on.parts.bucket.getFiles({ prefix: 'reports/' });
    assert.equal(reports.length, 2);
    const { rows } = await on.control.query('select report from etl.consistency_check');
    assert.match(await reportNamed(rows[0].report), /later/);
  });
});
