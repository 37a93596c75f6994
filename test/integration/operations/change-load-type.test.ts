import assert from 'node:assert/strict';
import type { DataHubError } from '../../../shared/errors.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { followAdvice } from '../../support/follow-advice.ts';
import { SITE_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { INCIDENTS, PROJECT, useOperator } from './use-operator.ts';

describe('an operator', () => {
  const { on, ask, asked } = useOperator();

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

    it('I2 while a halt has stopped the copy of its slices, which are begun anew for the new target', async () => {
      await on.source.database.query(
        `insert into app_incident (id, type) select n, 'incident ' || n from generate_series(3, 1000) n;
         create table trap as select 700 as id; grant select on trap to reader; analyze app_incident;
         alter view xyz_incident rename to whole_incident;
         create view xyz_incident as select w.* from whole_incident w
         where 1 / (case when w.incident_id = (select max(id) from trap) then 0 else 1 end) = 1;
         grant select on xyz_incident to reader`,
      );
      const sliced = await on.anotherProcess({ SLICE_ROWS: '250', MAX_SLICES: '1' });
      await assert.rejects(sliced.extract(INCIDENTS), { kind: 'bad_data' });
      assert.deepEqual(await on.states(INCIDENTS), ['extracting']);
      await on.source.database.query('delete from trap');

      await change('merge', 'incident_merged');

      assert.partialDeepStrictEqual(await on.merge(await on.stage(INCIDENTS)), { added: '1000' });
      assert.deepEqual(await on.states(INCIDENTS), ['abandoned', 'applied']);
    });

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
});
