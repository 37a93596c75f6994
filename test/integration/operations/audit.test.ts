import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { dispatch as dispatchReconcile } from '../../../functions/reconcile/reconcile.ts';
import { PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = 'pmr_project';
const EVA = 'eva@example.com';
const REQUEST = '7f0d0fb0-9d65-4a9b-8d6b-0a4f3d1d5d11';

describe('the audit', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.replicate();
  });

  const call = async (payload: object, caller: string | null = EVA) =>
    await dispatch(
      payload,
      { functionName: 'extract', event: payload, isByHand: true, caller },
      on.dependencies,
    );
  const deliver = async (payload: object, messageId: string) =>
    await dispatch(payload, { functionName: 'extract', event: payload, messageId }, on.dependencies);
  const entries = async () =>
    (await on.control.query('select * from etl.audit order by id')).rows as Record<string, unknown>[];

  it('records who called, what, why and with which result', async () => {
    await call({ view: VIEW, pause: 'the source is migrated', until: '2126-01-01T00:00:00Z' });
    await call({ view: VIEW, resume: true, why: 'it is done' }, null);

    const [paused, resumed] = await entries();
    assert.partialDeepStrictEqual(paused, {
      requested_by: EVA,
      via: 'call',
      action: 'pause',
      views: [VIEW],
      reason: 'the source is migrated',
      request: { until: '2126-01-01T00:00:00.000Z' },
      outcome: 'paused',
      result: { outcome: 'paused', view: VIEW, until: '2126-01-01T00:00:00.000Z' },
      error: null,
    });
    assert.ok(paused?.ended_at instanceof Date && paused.requested_at instanceof Date);
    assert.partialDeepStrictEqual(resumed, {
      requested_by: null,
      action: 'resume',
      reason: 'it is done',
      request: {},
    });
  });

  it('keeps the account that the platform has checked beside whom a call names', async () => {
    await call({ view: VIEW, pause: true, by: 'director@example.com' });
    await call({ view: VIEW, resume: true, by: EVA });
    await call({ view: VIEW, halt: 'wrong figures', by: 'Ben' }, null);

    assert.partialDeepStrictEqual(await entries(), [
      { action: 'pause', requested_by: EVA, claimed_by: 'director@example.com' },
      { action: 'resume', requested_by: EVA, claimed_by: null },
      { action: 'halt', requested_by: null, claimed_by: 'Ben' },
    ]);
  });

  it('keeps the account that calls reconcile beside whom the call names, and the check is that of the account', async () => {
    const payload = { view: VIEW, mode: 'keys', by: 'director@example.com' };
    const invocation = { functionName: 'reconcile', event: payload, isByHand: true, caller: EVA };
    await dispatchReconcile(payload, invocation, on.dependencies);

    assert.partialDeepStrictEqual(await entries(), [
      { requested_by: EVA, claimed_by: 'director@example.com' },
    ]);
    assert.deepEqual((await on.control.query('select requested_by from etl.consistency_check')).rows, [
      { requested_by: EVA },
    ]);
  });

  const OPERATIONS: Record<string, [payload: object, action: string, views?: string[]]> = {
    'a batch now': [{ view: VIEW, run: true }, 'run'],
    'a call of extract for one view': [{ view: VIEW }, 'run'],
    'a halt': [{ view: VIEW, halt: 'wrong figures' }, 'halt'],
    'a redrive': [{ view: VIEW, redrive: true }, 'redriveView'],
    'resolving all failures': [{ view: VIEW, resolve: true }, 'resolveAll'],
    'accepted cost': [{ view: VIEW, acceptCost: true }, 'acceptCost'],
    keys: [{ view: VIEW, keys: [1] }, 'keys'],
    'a recheck': [{ view: VIEW, recheck: '2026-01-31T08:00:00Z' }, 'recheck'],
    'a resync': [{ view: VIEW, resync: true, acceptDeletes: true }, 'resync'],
    'a change of load type': [{ view: VIEW, loadType: 'bq-storage-api', target: 'project_2' }, 'loadType'],
    'a check': [{ view: VIEW, reconcile: true }, 'reconcile'],
    'checks of all views': [{ reconcile: true }, 'reconcile', []],
    'a purge': [{ view: VIEW, purgeDeletedBefore: '2026-01-01T00:00:00Z', confirm: VIEW }, 'purge'],
    'an import': [{ import: [PROJECT_ENTRY] }, 'import'],
  };
  for (const [what, [payload, action, views = [VIEW]]] of Object.entries(OPERATIONS)) {
    it(`records ${what}`, async () => {
      const { outcome } = (await call(payload)) as { outcome: string };

      const rows = await entries();
      assert.equal(rows.length, 1);
      assert.partialDeepStrictEqual(rows[0], { action, views, outcome, requested_by: EVA });
    });
  }

  it('names the views of the failures that are redriven or resolved', async () => {
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, kind, message, advice, event) values
         ('extract', 'xyz_incident', 'bad_data', 'a', 'b', '{"view": "xyz_incident"}'),
         ('extract', '${VIEW}', 'bad_data', 'a', 'b', '{"view": "${VIEW}"}'),
         ('extract', '${VIEW}', 'bad_data', 'c', 'b', '{"view": "${VIEW}"}'),
         ('extract', null, 'bad_data', 'a', 'b', '{"view": "pmr_site"}'),
         ('extract', 'pmr_site', 'warehouse', 'a', 'b', null)`,
    );
    await call({ redrive: [1, 2, 3] });
    await call({ resolve: [4] });
    await on.control.query('update etl.etl_error set resolved_at = null where id <> 2');
    await call({ resolve: [5, 2] });
    await on.control.query('update etl.etl_error set resolved_at = null where id in (1, 5)');
    await call({ resolve: 'bad_data' });

    assert.partialDeepStrictEqual(await entries(), [
      { action: 'redriveEvents', views: [VIEW, 'xyz_incident'] },
      { action: 'resolve', views: [] },
      { action: 'resolve', views: [VIEW, 'pmr_site'] },
      { action: 'resolveAll', views: [VIEW, 'xyz_incident'] },
    ]);
  });

  it('records a check that is asked of reconcile by hand, but not the messages of a schedule', async () => {
    const payload = { view: VIEW, mode: 'keys' };
    const invocation = { functionName: 'reconcile', event: payload };
    await dispatchReconcile({ ...payload, trigger: 'schedule' }, invocation, on.dependencies);
    assert.deepEqual(await entries(), []);

    const byHand = { ...invocation, isByHand: true, caller: EVA };
    await dispatchReconcile(payload, byHand, on.dependencies);
    assert.partialDeepStrictEqual(await entries(), [
      { action: 'reconcile', views: [VIEW], requested_by: EVA, request: { mode: 'keys' } },
    ]);
  });

  it('records nothing that only looks, and no tick', async () => {
    for (const payload of [
      { status: true },
      { check: true, view: VIEW },
      { dryRun: true, view: VIEW },
      { import: [PROJECT_ENTRY], dryRun: true },
      { view: VIEW, forget: true },
      { view: VIEW, purgeDeletedBefore: '2026-01-01T00:00:00Z' },
      {},
    ]) {
      await call(payload);
    }
    await deliver({ view: VIEW, trigger: 'schedule' }, '1');
    assert.deepEqual(await entries(), []);
  });

  it('records a refusal with its advice', async () => {
    await assert.rejects(call({ view: VIEW, keys: ['no number'] }), { kind: 'invalid_event' });

    assert.partialDeepStrictEqual(await entries(), [
      {
        action: 'keys',
        outcome: null,
        error_kind: 'invalid_event',
        error: `view pmr_project: these keys are not values of the key's type: "no number"`,
        advice: 'Leave these keys out, or correct them, and call again.',
      },
    ]);
  });

  it('I8 records a call that halted its view as failed', async () => {
    await on.source.database.query('alter table app_project rename column name to title');
    await on.source.database.query(
      'drop view pmr_project; create view pmr_project as select 1 as project_id',
    );
    await on.source.database.query('grant select on pmr_project to reader');
    await on.control.query(`update etl.view_source set key_column = 'no_column' where name = $1`, [VIEW]);
    const result = (await call({ view: VIEW })) as { outcome: string };

    assert.equal(result.outcome, 'view halted');
    const [entry] = await entries();
    assert.partialDeepStrictEqual(entry, { action: 'run', outcome: null, error_kind: 'configuration' });
  });

  it('keeps the entries of a view that is forgotten', async () => {
    await call({ view: VIEW, forget: true, confirm: VIEW });

    assert.partialDeepStrictEqual(await entries(), [
      { action: 'forget', views: [VIEW], outcome: 'forgotten' },
    ]);
  });

  it('holds a message that is delivered twice for one request, and answers the second from the record', async () => {
    const payload = { view: VIEW, keys: [1, 2], by: EVA, why: 'they look old' };
    const first = await deliver(payload, '17');
    assert.deepEqual(await deliver(payload, '17'), first);

    assert.partialDeepStrictEqual(await entries(), [
      {
        via: 'message',
        requested_by: null,
        claimed_by: EVA,
        reason: 'they look old',
        outcome: 'keys queued',
        attempts: 1,
      },
    ]);
    assert.equal((await entries()).length, 1);
    const { rows } = await on.control.query('select key from etl.queued_key order by key');
    assert.deepEqual(rows, [{ key: '1' }, { key: '2' }]);
  });

  it('shows a request whose process died as one that has not ended, until the message comes again', async () => {
    await on.control.query(
      `insert into etl.audit (request_id, via, requested_by, action, views, request) values ('${REQUEST}', 'page', '${EVA}', 'keys', '{${VIEW}}', '{}')`,
    );
    assert.partialDeepStrictEqual(await entries(), [{ ended_at: null, outcome: null, error: null }]);

    await deliver({ view: VIEW, keys: [1], by: EVA, requestId: REQUEST }, '18');

    assert.partialDeepStrictEqual(await entries(), [
      { via: 'page', requested_by: EVA, claimed_by: null, outcome: 'keys queued', attempts: 2 },
    ]);
  });

  it('tries a request that has failed again, as the same entry', async () => {
    const lease = await on.dependencies.control.leases.acquire(VIEW, 60);
    assert.ok(lease);
    const payload = {
      view: VIEW,
      purgeDeletedBefore: '2026-01-01T00:00:00Z',
      confirm: VIEW,
      requestId: REQUEST,
    };
    await assert.rejects(deliver(payload, '19'), { kind: 'transient' });
    assert.partialDeepStrictEqual(await entries(), [{ outcome: null, error_kind: 'transient' }]);
    await on.control.query('delete from etl.lease');

    await deliver(payload, '19');

    assert.partialDeepStrictEqual(await entries(), [
      { action: 'purge', outcome: 'purged', error: null, advice: null, attempts: 2 },
    ]);
  });

  it('does not run a call twice that is sent twice under the same name', async () => {
    await on.control.query(
      `insert into etl.audit (request_id, via, action, views, request) values ('${REQUEST}', 'page', 'pause', '{${VIEW}}', '{}')`,
    );
    await assert.rejects(call({ view: VIEW, pause: true, requestId: REQUEST }), {
      kind: 'superseded',
      message: /^this request was sent already \(audit entry \d+\)$/,
    });
    assert.equal((await on.dependencies.control.viewSources.get(VIEW)).paused, false);
  });

  it('takes texts that PostgreSQL cannot hold as JSON', async () => {
    const result = { outcome: 'a\0b \ud800 c \\u0000 \u{1f600}' };
    const begun = await on.dependencies.control.audit.begin(
      { requestId: 'x', via: 'call', by: null, why: null, action: 'pause', views: [], request: result },
      { isRedelivered: false },
    );
    await on.dependencies.control.audit.finish(begun.id, { ...result, outcome: 'done' });
    const found = await on.dependencies.control.audit.find(begun.id);
    assert.deepEqual(found?.request, { outcome: 'a\u{fffd}b \u{fffd} c \\u0000 \u{1f600}' });
  });

  it('logs what it could not note, and what was done stays done', async () => {
    const log = on.captureLog();
    const { audit } = on.dependencies.control;
    const control = {
      ...on.dependencies.control,
      audit: { ...audit, finish: () => Promise.reject(new Error('gone')) },
    };
    const payload = { view: VIEW, pause: true };
    const invocation = { functionName: 'extract', event: payload, isByHand: true };
    await dispatch(payload, invocation, { ...on.dependencies, control });

    assert.equal((await on.dependencies.control.viewSources.get(VIEW)).paused, true);
    assert.partialDeepStrictEqual(await entries(), [{ outcome: null, ended_at: null }]);
    assert.match(JSON.stringify(log.records()), /audit entry not ended/);
  });
});

describe('a pause with an end', () => {
  const { on } = useInstallation();

  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const status = async () => {
    const [view] = await on.dependencies.control.status.views(VIEW);
    return view;
  };
  const letTimePass = () =>
    on.control.query(`update etl.view_source set paused_until = now() - interval '1 second'`);
  const until = '2126-01-01T00:00:00.000Z';

  it('is shown in the status, and ended by the first tick after its time', async () => {
    await ask({ view: VIEW, pause: 'maintenance', by: 'Eva', until });
    assert.partialDeepStrictEqual((await status())?.paused, { by: 'Eva', why: 'maintenance' });
    assert.equal(new Date((await status())?.paused?.until ?? '').toISOString(), until);
    await ask({});
    assert.equal((await status())?.state, 'paused');

    await letTimePass();
    assert.deepEqual((await ask({})).views, ['pmr_project', 'pmr_site']);
    assert.partialDeepStrictEqual(await status(), { state: 'running', paused: null });
  });

  it('does not end a halt', async () => {
    await ask({ view: VIEW, pause: true, until });
    await ask({ view: VIEW, halt: 'wrong figures' });
    await letTimePass();
    await ask({});
    assert.partialDeepStrictEqual(await status(), { state: 'halted', paused: null });
  });

  it('has no end any more after a pause without one, and after a resume', async () => {
    await ask({ view: VIEW, pause: true, until });
    await ask({ view: VIEW, pause: true });
    assert.equal((await status())?.paused?.until, null);
    await ask({ view: VIEW, pause: true, until });
    await ask({ view: VIEW, resume: true });
    await ask({ view: VIEW, pause: true });
    assert.equal((await status())?.paused?.until, null);
  });

  it('is refused for a time that has passed', async () => {
    await assert.rejects(ask({ view: VIEW, pause: true, until: '2026-01-01T00:00:00Z' }), {
      kind: 'invalid_event',
      message: 'view pmr_project: 2026-01-01T00:00:00.000Z has passed',
    });
    assert.equal((await status())?.paused, null);
  });
});
