import assert from 'node:assert/strict';
import { dispatch } from '../../../functions/extract/extract.ts';
import { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { failBefore } from '../../emulators/faults.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { PROJECT_ENTRY, SITE_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const PROJECT = 'pmr_project';
const INCIDENTS = STREAMED_ENTRY.name;

describe('an operator', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.source.add('app_incident', { id: 1, type: 'one' }, { id: 2, type: 'two' });
  });

  const ask = async (payload: object): Promise<Record<string, unknown>> => ({
    ...(await dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies)),
  });
  const asked = () => on.mailboxes.extract.take();

  describe('pauses a view', () => {
    it('whose batch in flight waits until it is resumed', async () => {
      const batch = await on.stage();

      assert.deepEqual(await ask({ view: PROJECT, pause: true }), { outcome: 'paused', view: PROJECT });

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'skipped', reason: 'paused' });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'skipped' });
      assert.deepEqual(await on.states(), ['staged']);
      await ask({ view: PROJECT, resume: true });
      assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'applied', added: '2' });
      await on.assertEqual();
    });

    it('while the others continue', async () => {
      await ask({ view: PROJECT, pause: true });

      await ask({});

      assert.deepEqual(
        (await asked()).map((event) => (event as { view: string }).view),
        ['pmr_site', INCIDENTS],
      );
    });
  });

  it('I8 halts a view with a reason, until it is resumed', async () => {
    const batch = await on.stage();

    await ask({ view: PROJECT, halt: 'the figures look wrong' });

    assert.equal(await on.haltedReason(), 'the figures look wrong');
    assert.partialDeepStrictEqual(await on.merge(batch), { outcome: 'skipped' });
    assert.partialDeepStrictEqual(await on.extract(), {
      outcome: 'skipped',
      reason: 'halted: the figures look wrong',
    });
    await ask({ view: PROJECT, resume: true });
    await on.merge(batch);
    await on.assertEqual();
  });

  describe('redrives', () => {
    it('I2 a view that a bad row has halted, after the row is corrected', async () => {
      await on.source.change('app_project', 2, { share: 'NaN' });
      await assert.rejects(on.extract(), { kind: 'bad_data' });
      await on.source.change('app_project', 2, { share: '0.5' });

      assert.deepEqual(await ask({ view: PROJECT, redrive: true }), { outcome: 'redriven', view: PROJECT });

      assert.deepEqual(await asked(), [{ view: PROJECT, trigger: 'redrive' }]);
      assert.partialDeepStrictEqual(await on.replicate(), { added: '2' });
      await on.assertEqual();
    });

    it('dead-lettered events, to the function that failed with them', async () => {
      const { control } = on.dependencies;
      const event = { view: PROJECT, etlTransactionId: '7' };
      for (const functionName of ['merge', 'extract']) {
        await control.failures.record({ functionName, event, error: new DataHubError('bug', 'x') });
      }
      const { failures } = (await ask({ status: true })) as { failures: { id: string }[] };

      const answered = await ask({ redrive: failures.map(({ id }) => id) });

      assert.equal(answered.outcome, 'redriven');
      assert.deepEqual([await on.mailboxes.merge.take(), await asked()], [[event], [event]]);
      assert.deepEqual((await ask({ status: true })).failures, []);
    });

    it('no event by resuming its view: the event must still be redriven or resolved', async () => {
      const { control } = on.dependencies;
      const error = new DataHubError('invalid_event', 'x', { context: { view: PROJECT } });
      await control.failures.record({ functionName: 'extract', event: { view: PROJECT }, error });
      await control.failures.record({ functionName: 'extract', event: 'garbage', error });
      await ask({ view: PROJECT, resume: true });
      const open = async () =>
        ((await ask({ status: true })) as { failures: { id: string }[] }).failures.map(({ id }) => id);
      assert.deepEqual(await open(), ['2', '1']);

      await ask({ redrive: [1] });
      assert.deepEqual(await ask({ resolve: [2] }), { outcome: 'resolved', failures: ['2'] });

      assert.deepEqual(await open(), []);
    });

    it('or resolves failures, but none of them when one does not exist', async () => {
      const { control } = on.dependencies;
      const error = new DataHubError('bug', 'x');
      await control.failures.record({ functionName: 'merge', error, event: { view: PROJECT } });

      await assert.rejects(ask({ resolve: [1, 99_999] }), {
        kind: 'invalid_event',
        message: 'no failure has the id 99999',
      });

      assert.equal((await on.errors())[0]?.resolved_at, null);
      assert.deepEqual(await ask({ resolve: [1] }), { outcome: 'resolved', failures: ['1'] });
      assert.deepEqual(await ask({ resolve: [1] }), { outcome: 'resolved', failures: ['1'] });
    });

    for (const [what, event] of [
      ['does not exist', null],
      ['has no event', undefined],
      ['has an event that is not an object', 'garbage'],
    ] as const) {
      it(`no failure that ${what}, nor any other in the same request`, async () => {
        const { control } = on.dependencies;
        const failure = { functionName: 'merge', error: new DataHubError('bug', 'x') };
        await control.failures.record({ ...failure, event: { view: PROJECT } });
        if (event !== null) await control.failures.record({ ...failure, event });

        await assert.rejects(ask({ redrive: [1, 2] }), {
          kind: 'invalid_event',
          message: 'no event to send again for failure 2',
        });

        assert.deepEqual(await on.mailboxes.merge.take(), []);
      });
    }
  });

  it('imports a halted view, which stays halted, as the answer says', async () => {
    await ask({ view: PROJECT, halt: 'broken' });
    const entries = [PROJECT_ENTRY, SITE_ENTRY];

    const { halted, advice } = await importConfiguration({ entries }, on.dependencies);

    assert.deepEqual(halted, [PROJECT]);
    assert.match(advice ?? '', /\{"view":"pmr_project","resume":true\}/);
    await followAdvice(advice ?? '', on, PROJECT);
    assert.equal('halted' in (await importConfiguration({ entries }, on.dependencies)), false);
  });

  it('resyncs a paused view, which stays paused, and is loaded when it is resumed', async () => {
    await on.replicate();
    await on.query(`update SMartDataAnalytics.project set name = 'wrong' where project_id = 1`);
    await ask({ view: PROJECT, pause: 'the source is being moved', by: 'Eva' });
    await ask({ view: PROJECT, halt: 'broken' });

    assert.partialDeepStrictEqual(await ask({ view: PROJECT, resync: true }), {
      outcome: 'resync requested',
      paused: true,
      advice:
        'The view stays paused. The resync begins when you resume it: {"view":"pmr_project","resume":true}.',
    });

    assert.partialDeepStrictEqual(await ask({ status: true, view: PROJECT }), {
      views: [
        {
          state: 'paused',
          halted: null,
          paused: { by: 'Eva', why: 'the source is being moved' },
          resyncRequested: true,
        },
      ],
    });
    assert.deepEqual(await asked(), []);
    assert.partialDeepStrictEqual(await on.extract(), { outcome: 'skipped', reason: 'paused' });
    await ask({ view: PROJECT, resume: true });
    await on.replicate();
    await on.assertEqual();
  });

  describe('resyncs a view', () => {
    const resync = async (view: string) => {
      assert.deepEqual(await ask({ view, resync: true }), { outcome: 'resync requested', view });
      return await on.replicate(view);
    };

    it('I1 I7 which repairs any difference in its target, and counts them', async () => {
      await on.replicate();
      await on.query(`update SMartDataAnalytics.project set name = 'wrong' where project_id = 1`);
      await on.query(`delete from SMartDataAnalytics.project where project_id = 2`);
      await on.query(
        `insert into SMartDataAnalytics.project (project_id, name, is_deleted, etl_transaction_id) values (9, 'extra', false, 1)`,
      );

      assert.partialDeepStrictEqual(await resync(PROJECT), { added: '1', changed: '1', deleted: '1' });

      assert.deepEqual(
        (await on.batches()).map(({ kind }) => kind),
        ['initial', 'resync'],
      );
      await on.assertEqual();
      await on.source.change('app_project', 1, { name: 'changed after it' });
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });

    it('I1 I7 which repairs a streamed target, too', async () => {
      await on.replicate(INCIDENTS);
      await on.source.database.query(`update app_incident set type = 'not logged' where id = 1`);
      await on.source.database.query('delete from app_incident where id = 2');
      await on.source.database.query(`insert into app_incident (id, type) values (3, 'not logged')`);

      await resync(INCIDENTS);

      assert.deepEqual(
        (await on.batches(INCIDENTS)).map(({ kind }) => kind),
        ['initial', 'resync'],
      );
      await on.assertIncidentsEqual();
      await on.source.delete('app_incident', 3);
      await on.replicate(INCIDENTS);
      await on.assertIncidentsEqual();
    });

    for (const view of [PROJECT, INCIDENTS]) {
      it(`I2 ${view}, whose source was restored from a backup and has been refused since`, async () => {
        await on.replicate(view);
        await on.source.database.query(
          `truncate models_logging_change; alter sequence models_logging_change_id_seq restart`,
        );
        const table = view === PROJECT ? 'app_project' : 'app_incident';
        await on.source.delete(table, 2);
        await assert.rejects(on.extract(view), { kind: 'source_refused', advice: /Resync the view/ });

        await resync(view);

        await on.assertEqual(view);
        await on.source.delete(table, 1);
        await on.replicate(view);
        await on.assertEqual(view);
      });

      it(`${view}, whose target is gone`, async () => {
        await on.replicate(view);
        const target = view === PROJECT ? 'project' : 'incident';
        await on.query(`drop table SMartDataAnalytics.${target}`);
        const table = view === PROJECT ? 'app_project' : 'app_incident';
        await on.source.delete(table, 1);
        await assert.rejects(on.extract(view), { kind: 'configuration', advice: /resync the view/ });

        await resync(view);

        await on.assertEqual(view);
      });
    }

    it('I2 while a batch is in flight, which is applied first', async () => {
      const batch = await on.stage();
      await ask({ view: PROJECT, resync: true });

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'republished' });
      await on.merge(batch);

      await on.replicate();
      assert.deepEqual(
        (await on.batches()).map(({ kind }) => kind),
        ['initial', 'resync'],
      );
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle' });
      await on.assertEqual();
    });

    it('I2 again, when it is requested during a resync', async () => {
      await on.replicate();
      await ask({ view: PROJECT, resync: true });
      const first = await on.stage();
      await ask({ view: PROJECT, resync: true });
      await on.merge(first);

      await on.replicate();

      assert.deepEqual(
        (await on.batches()).map(({ kind }) => kind),
        ['initial', 'resync', 'resync'],
      );
      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle' });
    });

    it('I2 even when it is requested between the snapshot of a batch and its beginning', async () => {
      for (const kind of ['initial', 'resync']) {
        if (kind === 'resync') await ask({ view: PROJECT, resync: true });
        const held = stack.bigquery.faults.holdNext('bigquery.tables.get');
        const staging = on.stage();
        await held.reached;
        await on.source.database.query(`update app_project set name = 'not logged, ${kind}' where id = 1`);
        await ask({ view: PROJECT, resync: true });
        held.release();
        await on.merge(await staging);

        assert.partialDeepStrictEqual(await on.replicate(), { changed: '1', unchanged: '1' });
        await on.assertEqual();
      }
    });

    for (const view of [PROJECT, INCIDENTS]) {
      it(`I2 ${view}, whose target was created again by a failed resync that is then withdrawn`, async () => {
        await on.replicate(view);
        await on.query(`drop table SMartDataAnalytics.${view === PROJECT ? 'project' : 'incident'}`);
        await ask({ view, resync: true });
        stack.storage.faults.next('storage.objects.insert', failBefore(403));
        await assert.rejects(on.extract(view), { kind: 'unauthorized' });
        await ask({ view, resync: false });

        await on.replicate(view);

        await on.assertEqual(view);
      });
    }

    it('and fetches recently logged keys once more, if the view is rechecked', async () => {
      await on.control.query(`update etl.view_source set recheck_seconds = 60 where name = '${PROJECT}'`);
      for (const kind of ['initial', 'resync']) {
        if (kind === 'resync') await ask({ view: PROJECT, resync: true });
        await on.replicate();
        // The data of a log row that was already captured are committed only now.
        await on.source.database.query(`update app_project set name = 'late, ${kind}' where id = 1`);
        await on.control.query('update etl.queued_key set due_at = now()');

        await on.replicate();

        await on.assertEqual();
      }
    });

    it('not when the request is withdrawn', async () => {
      await on.replicate();
      await ask({ view: PROJECT, resync: true });

      assert.deepEqual(await ask({ view: PROJECT, resync: false }), {
        outcome: 'resync withdrawn',
        view: PROJECT,
      });

      assert.partialDeepStrictEqual(await on.extract(), { outcome: 'idle' });
    });

    it('I3 and captures a transaction afterwards that was open meanwhile', async () => {
      await on.replicate();
      const late = await on.source.database.connect();
      await late.query('begin');
      await late.query(`update app_project set name = 'late' where id = 1`);
      await late.query(
        `insert into models_logging_change (content_type_id, object_id, action, changed_data, date_created)
         select content_type_id, '1', 'changed', '{"name": {}}', now() from models_logging_change where action = 'added' order by id limit 1`,
      );
      await on.source.change('app_project', 2, { name: 'early' });
      await resync(PROJECT);
      await late.query('commit');
      late.release();

      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await on.assertEqual();
    });
  });

  describe('changes the load type of a view', () => {
    const change = (loadType: string, target: string) => ask({ view: INCIDENTS, loadType, target });

    it('I11 which then feeds another target, and keeps the old one', async () => {
      await on.replicate(INCIDENTS);
      const before = await on.query('select count(*) as n from SMartDataAnalytics.incident');

      assert.deepEqual(await change('merge', 'incident_merged'), {
        outcome: 'load type changed',
        view: INCIDENTS,
        loadType: 'merge',
        target: 'incident_merged',
      });

      assert.deepEqual(await asked(), [{ view: INCIDENTS, trigger: 'loadType' }]);
      await on.merge(await on.stage(INCIDENTS));
      await on.source.delete('app_incident', 1);
      await on.merge(await on.stage(INCIDENTS));
      assert.deepEqual(
        await on.query('select incident_id, is_deleted from SMartDataAnalytics.incident_merged order by 1'),
        [
          { incident_id: '1', is_deleted: true },
          { incident_id: '2', is_deleted: false },
        ],
      );
      assert.deepEqual(await on.query('select count(*) as n from SMartDataAnalytics.incident'), before);
    });

    it('I7 I11 and back to the streamed target, which continues above its highest batch id', async () => {
      await on.replicate(INCIDENTS);
      await change('merge', 'incident_merged');
      await on.merge(await on.stage(INCIDENTS));
      await on.source.change('app_incident', 1, { type: 'changed meanwhile' });
      await on.source.delete('app_incident', 2);
      await on.merge(await on.stage(INCIDENTS));

      await change('bq-storage-api', 'incident');
      await on.stream(await on.stage(INCIDENTS));

      await on.assertIncidentsEqual();
    });

    it('I8 and back to a target with a column that the view has lost meanwhile, which halts it until somebody drops it', async () => {
      await on.replicate(INCIDENTS);
      await change('merge', 'incident_merged');
      await on.merge(await on.stage(INCIDENTS));
      await on.source.database.query(
        `alter view xyz_incident rename to whole_incident;
         create view xyz_incident as select incident_id, inventory_id, incident_type, service_type, status, open_datetime, close_datetime,
           incident_owner from whole_incident;
         grant select on xyz_incident to reader`,
      );
      await change('bq-storage-api', 'incident');

      const advice = await on.extract(INCIDENTS).then(
        () => assert.fail('the column was emptied'),
        (error: DataHubError) => error.advice,
      );

      assert.match(
        advice,
        /^Somebody added columns, or the table had them before it was the target of the view\./,
      );
      await followAdvice(advice, on, INCIDENTS);
      await on.stream(await on.stage(INCIDENTS));
      const { rows } = await on.source.database.query(
        'select incident_id::text, status from xyz_incident order by xyz_incident.incident_id',
      );
      assert.deepEqual(
        await on.query('select incident_id, status from SMartDataAnalytics.incident order by incident_id'),
        rows,
      );
    });

    it('and does not judge the new target by what it remembers of the former one', async () => {
      await on.replicate(INCIDENTS);
      await change('merge', 'incident_merged');
      await on.merge(await on.stage(INCIDENTS));
      await on.query('delete from SMartDataAnalytics.incident_merged where incident_id = 1');
      await on.source.change('app_incident', 2, { type: 'changed meanwhile' });
      await on.merge(await on.stage(INCIDENTS));
      const judged = async () =>
        (await preflight({ view: INCIDENTS }, on.dependencies)).findings
          .filter(({ check }) => check === `target of ${INCIDENTS}`)
          .map(({ message }) => message);
      assert.match((await judged()).join(), /somebody else changed it/);
      await on.control.query(
        `update etl.view_source set unfilled_columns = '{status}', applied_policy_tags = '{"status": "a tag"}' where name = $1`,
        [INCIDENTS],
      );

      await change('bq-storage-api', 'incident');

      assert.deepEqual(await judged(), []);
      const { rows } = await on.control.query(
        `select target_state, known_columns, unfilled_columns, applied_policy_tags, resync_advised_at
         from etl.view_source where name = $1`,
        [INCIDENTS],
      );
      assert.deepEqual(rows, [
        {
          target_state: null,
          known_columns: [],
          unfilled_columns: [],
          applied_policy_tags: {},
          resync_advised_at: null,
        },
      ]);
    });

    it('I11 but never merges into a target that was streamed', async () => {
      await on.replicate(INCIDENTS);
      await change('merge', 'incident_merged');
      await on.merge(await on.stage(INCIDENTS));
      await change('bq-storage-api', 'incident');
      await on.stream(await on.stage(INCIDENTS));

      await assert.rejects(change('merge', 'incident'), { message: /target of view xyz_incident/ });
      await change('merge', 'elsewhere');
      await assert.rejects(on.dependencies.control.loadTypes.changeLoadType(INCIDENTS, 'merge', 'incident'), {
        message: /incident was fed by view xyz_incident with load type bq-storage-api/,
      });
    });

    it('I2 to a streamed target of any name, without a deployment', async () => {
      await on.replicate(PROJECT);
      await ask({ view: PROJECT, loadType: 'bq-storage-api', target: 'project_streamed' });
      await on.stream(await on.stage(PROJECT));
      await on.source.add('app_project', { id: 20, name: 'twenty' });

      await on.stream(await on.stage(PROJECT));

      const { rows } = await on.source.database.query(
        'select project_id::text, name from pmr_project order by pmr_project.project_id',
      );
      assert.deepEqual(
        await on.query(
          'select project_id, name from SMartDataAnalytics.project_streamed order by project_id',
        ),
        rows,
      );
      assert.equal(rows.at(-1).name, 'twenty');
    });

    it('I11 but never gives its old target to another view', async () => {
      await on.replicate('pmr_site');
      await ask({ view: 'pmr_site', loadType: 'bq-storage-api', target: 'site_2' });

      await assert.rejects(
        importConfiguration(
          { entries: [{ ...SITE_ENTRY, name: 'other_site', target_name: 'site' }] },
          on.dependencies,
        ),
        { kind: 'configuration', message: /site was fed by view pmr_site with load type merge/ },
      );
      await assert.rejects(ask({ view: INCIDENTS, loadType: 'merge', target: 'site' }), {
        message: /site was fed by view pmr_site/,
      });
    });

    it('I2 and fills the new target completely, even when the resync is withdrawn', async () => {
      await on.replicate(INCIDENTS);
      await change('merge', 'incident_merged');
      await on.merge(await on.stage(INCIDENTS));
      await on.source.change('app_incident', 1, { type: 'changed meanwhile' });
      await on.source.delete('app_incident', 2);
      await on.merge(await on.stage(INCIDENTS));
      await change('bq-storage-api', 'incident');
      await ask({ view: INCIDENTS, resync: false });

      await on.stream(await on.stage(INCIDENTS));

      await on.assertIncidentsEqual();
    });

    it('I4 not while a function works on it', async () => {
      const lease = await on.dependencies.control.leases.acquire(INCIDENTS, 60);
      assert.ok(lease);

      await assert.rejects(change('merge', 'incident_merged'), {
        kind: 'invalid_event',
        message: /a function is working on it/,
      });
    });

    it('I5 and ignores a late message for a batch that was applied before', async () => {
      const batch = await on.stage(INCIDENTS);
      await on.stream(batch);
      await change('merge', 'incident_merged');

      assert.partialDeepStrictEqual(await on.stream(batch), {
        outcome: 'already finished',
        state: 'applied',
      });
    });

    const refusals = {
      'its current load type': [{ loadType: 'bq-storage-api', target: 'incident' }, /already/],
      'a target of another view': [{ loadType: 'merge', target: 'project' }, /target of view pmr_project/],
      'its current target': [{ loadType: 'merge', target: 'incident' }, /target of view xyz_incident/],
    } as const;
    for (const [what, [request, message]] of Object.entries(refusals)) {
      it(`not to ${what}`, async () => {
        await assert.rejects(ask({ view: INCIDENTS, ...request }), { kind: 'invalid_event', message });
      });
    }

    it('not while a batch is in flight', async () => {
      await on.stage(INCIDENTS);
      await assert.rejects(change('merge', 'incident_merged'), {
        kind: 'invalid_event',
        message: /batch 1 is in flight/,
      });
    });

    it('and refuses the old configuration until it has the new load type', async () => {
      await on.replicate(INCIDENTS);
      await change('merge', 'incident_merged');

      await assert.rejects(importConfiguration({ entries: [STREAMED_ENTRY] }, on.dependencies), {
        kind: 'configuration',
        message: /load_type merge/,
      });
      await importConfiguration(
        { entries: [{ ...STREAMED_ENTRY, load_type: 'merge', target_name: 'incident_merged' }] },
        on.dependencies,
      );
    });
  });

  it('has recently logged keys fetched once more', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'logged' });
    await on.replicate();
    await on.source.database.query(`update app_project set name = 'not logged' where id in (1, 2)`);
    const { rows } = await on.source.database.query(
      `select max(date_created) as since from models_logging_change`,
    );

    const answered = await ask({ view: PROJECT, recheck: (rows[0].since as Date).toISOString() });

    assert.deepEqual(answered, { outcome: 'keys queued', view: PROJECT, keysQueued: 1 });
    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: PROJECT, trigger: 'recheck' }]);
    const batch = await on.stage();
    assert.partialDeepStrictEqual(batch, { kind: 'repair', upserts: 1 });
    await on.merge(batch);
    assert.deepEqual(
      (await on.visible()).map(({ name }) => name),
      ['not logged', 'two'],
    );
    assert.partialDeepStrictEqual(await ask({ view: PROJECT, recheck: '2999-01-01T00:00:00Z' }), {
      outcome: 'nothing to recheck',
      keysQueued: 0,
    });
    assert.deepEqual(await on.mailboxes.extract.take(), []);
  });

  it('reads the status of the views', async () => {
    await on.replicate();
    await ask({ view: 'pmr_site', pause: true });
    await ask({ view: INCIDENTS, halt: 'broken' });
    await on.source.change('app_project', 1, { name: 'changed' });
    const batch = await on.stage();

    const { views } = (await ask({ status: true })) as { views: Record<string, unknown>[] };

    assert.partialDeepStrictEqual(views, [
      {
        view: PROJECT,
        state: 'running',
        inFlight: {
          etlTransactionId: batch.etlTransactionId,
          kind: 'incremental',
          state: 'staged',
          attempt: 1,
        },
        lastApplied: { etlTransactionId: '1' },
      },
      { view: 'pmr_site', state: 'paused', inFlight: null, lastApplied: null },
      { view: INCIDENTS, state: 'halted', haltedReason: 'broken' },
    ]);
    for (const { behindSeconds } of views) {
      assert.ok(Number(behindSeconds) >= 0 && Number(behindSeconds) < 600, `${behindSeconds} seconds`);
    }
    assert.equal(((await ask({ status: true, view: PROJECT })).views as unknown[]).length, 1);
  });

  it('gets an error for an unknown view from every operation', async () => {
    const requests = [
      { pause: true },
      { halt: 'x' },
      { resume: true },
      { redrive: true },
      { resync: true },
      { loadType: 'merge', target: 'x' },
      { recheck: '2026-01-01T00:00:00Z' },
    ];
    for (const request of requests) {
      await assert.rejects(ask({ view: 'nobody', ...request }), {
        kind: 'invalid_event',
        message: /"nobody"/,
      });
    }
    await assert.rejects(ask({ status: true, view: 'nobody' }), { kind: 'invalid_event' });
  });

  it('gets the form of the command that was meant', async () => {
    for (const [event, advice] of [
      [{ resolve: 'invalid_evnt' }, /\{"resolve": kind\}.* The kinds are transient, .*invalid_event/],
      [[{ name: PROJECT }], /^Send \{"import": \[…\]\}/],
      [{ name: PROJECT, target_name: 'project' }, /^Send \{"import": \[…\]\}/],
      [{ import: { name: PROJECT } }, /^Send \{"import": \[…\]\}/],
      [{ view: PROJECT, recheck: 'yesterday' }, /"recheck": "2026/],
      [{ stauts: true }, /"pause": true.*"status": true/],
    ] as const) {
      await assert.rejects(ask(event), { kind: 'invalid_event', advice }, JSON.stringify(event));
    }
  });

  it('gets the valid forms as advice for an invalid request', async () => {
    const invalid = [
      { view: PROJECT, pause: false },
      { view: PROJECT, halt: '' },
      { view: PROJECT, halt: true },
      { view: PROJECT, redrive: false },
      { redrive: [] },
      { redrive: ['one'] },
      { view: PROJECT, redrive: [1] },
      { view: PROJECT, resync: 'yes' },
      { view: PROJECT, loadType: 'merge' },
      { view: PROJECT, loadType: 'copy', target: 'x' },
      { view: PROJECT, loadType: 'merge', target: 'a`b' },
      { view: PROJECT, recheck: 'yesterday' },
      { view: PROJECT, pause: true, resume: true },
      { status: false },
    ];
    for (const event of invalid) {
      await assert.rejects(
        ask(event),
        { kind: 'invalid_event', advice: new RegExp(`"(${Object.keys(event).join('|')})"`) },
        JSON.stringify(event),
      );
    }
  });
});
