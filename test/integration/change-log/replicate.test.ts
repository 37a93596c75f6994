import assert from 'node:assert/strict';
import { removalScript } from '../../../cli/change-log/removal-script.ts';
import { runOperation } from '../../../shared/operations/run-operation.ts';
import { TRIGGER_LOG } from '../../../shared/source/trigger-log.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { installWithoutDjango, makeLog, readTriggerLog } from './use-trigger-log.ts';

const VIEWS = ['customer_view', 'reading_view'] as const;
const id = (n: number): string => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`;

describe('a log that triggers fill', () => {
  const { on } = useInstallation();
  const sql = (text: string) => on.source.database.query(text);
  const request = { via: 'call', by: null, why: null, requestId: 'request' } as const;

  describe('of an application without Django', () => {
    beforeEach(async () => {
      await installWithoutDjango(on);
      for (const view of VIEWS) await on.replicate(view);
      await assertEqual();
    });

    async function assertEqual(): Promise<void> {
      const { rows: customers } = await sql(
        'select customer_id::text, name, country from customer_view order by customer_view.customer_id',
      );
      assert.deepEqual(
        await on.query(
          'select customer_id, name, country from SMartDataAnalytics.customer where not coalesce(is_deleted, false) order by customer_id',
        ),
        customers,
      );
      const { rows: readings } = await sql(
        'select reading_id::text, taken::text, value::text from reading_view order by reading_view.reading_id',
      );
      assert.deepEqual(
        await on.query('select reading_id, taken, value from SMartDataAnalytics.reading order by reading_id'),
        readings,
      );
    }

    const catchUp = async () => {
      for (const view of VIEWS) await on.catchUp(view);
    };

    it('I2 carries bulk updates, raw SQL, cascades, changed keys and changes of a lookup, merged and streamed', async () => {
      await sql(`
        update customer set name = upper(name) where id < '${id(5)}';
        delete from customer where id = '${id(6)}';
        insert into customer values ('${id(100)}', 'new', 'DE'), ('${id(101)}', 'nowhere', null);
        update customer set id = '${id(200)}' where id = '${id(7)}';
        update country set name = 'ประเทศไทย' where code = 'TH';
        update reading set value = value + 1000;
        delete from reading_2025 where id % 2 = 0;
        insert into reading_2024 values (500, '2024-02-01', 1);
        update reading set taken = '2025-12-31', id = 900 where id = 2`);
      await catchUp();
      await assertEqual();

      await sql(`delete from country where code = 'TH'`);
      const batch = await on.stage('customer_view');
      // Those that lost their country, and no others whose country is NULL.
      assert.equal(batch.upserts, 19);
      await on.merge(batch);
      await assertEqual();
    });

    it('I3 has rows of transactions that commit late, with lower ids, and of their savepoints', async () => {
      const writer = await on.source.database.connect();
      try {
        await writer.query(`begin; update customer set name = 'late' where id = '${id(1)}'; savepoint a;
          update customer set name = 'nested' where id = '${id(2)}'; savepoint b; update customer set name = 'never' where id = '${id(3)}';
          rollback to b`);
        await sql(`update customer set name = 'early' where id = '${id(4)}'`);
        for (let captures = 0; captures < 3; captures += 1) {
          await on.catchUp('customer_view');
          await on.letHorizonsAge();
        }
        const floor = async () =>
          (await runOperation({ command: 'logFloor' }, on.dependencies, request)).floorId;
        const before = await floor();
        await writer.query('commit');
        await on.catchUp('customer_view');
        await assertEqual();
        // The open transaction held the floor back.
        await on.letHorizonsAge();
        for (let captures = 0; captures < 3; captures += 1) {
          await catchUp();
          await on.letHorizonsAge();
        }
        assert.ok(Number(await floor()) > Number(before));
      } finally {
        writer.release();
      }
    });

    it('has the view loaded again after a TRUNCATE, also if an operator withdraws that', async () => {
      const log = on.captureLog();
      await sql(`truncate reading; insert into reading values (1, '2025-01-01', 7), (2, '2024-01-01', 8)`);
      await on.control.query(`update etl.view_source set max_deleted_share = 1`);

      assert.equal((await on.extract('reading_view')).outcome, 'resync requested');
      await runOperation(
        { command: 'resync', view: 'reading_view', isWanted: false, acceptsDeletes: false },
        on.dependencies,
        request,
      );
      assert.equal((await on.extract('reading_view')).outcome, 'resync requested');
      assert.partialDeepStrictEqual(
        log.records().find(({ message }) => message === 'changes without log rows: resync requested'),
        { severity: 'WARNING', view: 'reading_view' },
      );
      // The other view goes on by its log rows.
      await sql(`update customer set name = 'x' where id = '${id(1)}'`);
      await on.catchUp('customer_view');
      await on.catchUp('reading_view');
      await assertEqual();
      assert.deepEqual(
        (await on.batches('customer_view')).map(({ kind }) => kind),
        ['initial', 'incremental'],
      );
      assert.equal((await on.extract('reading_view')).outcome, 'idle');
    });

    it('has the view loaded again if an older release passed by the row that asks for it', async () => {
      await sql('truncate reading_2025');
      // What an older release leaves: a checkpoint that covers the row, and an origin without what it does not know.
      await on.control.query(
        `update etl.checkpoint set seen = seen + int8multirange(int8range(1, 1000)) where view_name = 'reading_view'`,
      );
      await on.control.query(
        `update etl.view_source set log_origin = log_origin - '{resyncId,table,tableOid}'::text[], max_deleted_share = 1`,
      );
      assert.equal((await on.extract('reading_view')).outcome, 'resync requested');
      await on.catchUp('reading_view');
      await assertEqual();
      assert.equal((await on.extract('reading_view')).outcome, 'idle');
    });

    it('that was removed and made again has every view loaded again, by itself', async () => {
      await sql(removalScript({ ...TRIGGER_LOG, schema: 'public' }));
      await sql(`update customer set name = 'unlogged' where id = '${id(1)}'`);
      await makeLog(on, [
        {
          name: 'customer_view',
          main_table: 'customer',
          key_column: 'customer_id',
          lookups: [{ table: 'country', column: 'country' }],
        },
        { name: 'reading_view', main_table: 'reading', key_column: 'reading_id', lookups: [] },
      ]);
      for (const view of VIEWS) assert.equal((await on.extract(view)).outcome, 'resync requested');
      await catchUp();
      await assertEqual();
    });

    describe('is pruned', () => {
      const maturing = async () => {
        for (let captures = 0; captures < 3; captures += 1) {
          await catchUp();
          await on.letHorizonsAge();
        }
      };
      const floor = () => runOperation({ command: 'logFloor' }, on.dependencies, request);
      const remaining = async () =>
        Number((await sql('select count(*) from datahub_change_log')).rows[0].count);

      it('below the floor, and nothing is lost', async () => {
        await sql(`update customer set name = 'one'`);
        await maturing();
        await sql(`update customer set name = 'two' where id = '${id(1)}'`);
        const { prune, heldBack } = await floor();
        assert.match(prune ?? '', /^delete from "public"."datahub_change_log" where id < \d+;$/);
        assert.equal(heldBack?.by, 'captures');
        const before = await remaining();
        await sql(prune ?? '');
        assert.ok((await remaining()) < before - 15);

        await catchUp();
        await assertEqual();
        assert.deepEqual(await on.errors(), []);
        assert.equal((await on.dependencies.control.viewSources.get('customer_view')).resyncAdvice, null);
      });

      it('above the floor, and a capture says so', async () => {
        await maturing();
        await sql(
          `update customer set name = 'one'; delete from datahub_change_log; update reading set value = 1 where id = 1`,
        );
        await assert.rejects(on.extract('customer_view'), {
          kind: 'source_refused',
          message: /datahub_change_log was pruned too far/,
        });
      });

      it('not at all while the view that is furthest behind is not loaded or not far enough', async () => {
        await on.control.query(`delete from etl.checkpoint where view_name = 'reading_view'`);
        await maturing();
        assert.notEqual((await floor()).prune, null);
        await on.control.query(`delete from etl.checkpoint where view_name = 'reading_view'`);
        await on.stage('reading_view');
        assert.deepEqual(await floor(), {
          outcome: 'log floor',
          changeLogTable: 'datahub_change_log',
          floorId: null,
          heldBack: { view: 'reading_view', by: 'first load' },
          prune: null,
        });
      });
    });
  });

  describe('is adopted in place of another', () => {
    const adopted = [
      {
        name: 'pmr_project',
        main_table: 'app_project',
        key_column: 'project_id',
        lookups: [{ table: 'app_company', column: 'company_id' }],
      },
      { name: 'pmr_site', main_table: 'app_site', key_column: 'site_id', lookups: [] },
    ];

    beforeEach(async () => {
      await on.source.add(
        'app_project',
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
        { id: 3, name: 'three' },
      );
      await on.replicate();
    });

    it('I2 with every view loaded again, by itself, and nothing is lost between the two', async () => {
      await on.source.change('app_project', 1, { name: 'logged by Django, not captured' });
      await sql(`update app_project set name = 'logged by nobody' where id = 2`);
      const plan = await makeLog(on, adopted, 'django_content_type');
      // View sources keep the ids that they were imported with.
      assert.deepEqual(plan.tables.map(({ contentType: { id } }) => id).sort(), [7, 8, 9]);
      await sql(`update app_project set name = 'logged by the trigger' where id = 3`);
      await readTriggerLog(on);

      assert.equal((await on.extract()).outcome, 'resync requested');
      await on.catchUp();
      await on.assertEqual();
      await sql(`update app_project set name = 'later'`);
      await on.catchUp();
      await on.assertEqual();
      assert.deepEqual((await on.batches()).map(({ kind }) => kind).slice(-1), ['incremental']);
    });

    it('I2 while a batch of the other one is in flight, and an operator withdraws the resync', async () => {
      await on.source.change('app_project', 1, { name: 'in flight' });
      const batch = await on.stage();
      await sql(`update app_project set name = 'logged by nobody' where id = 2`);
      await makeLog(on, adopted, 'django_content_type');
      await readTriggerLog(on);
      assert.equal((await on.extract()).outcome, 'republished');
      await on.merge(batch);

      assert.equal((await on.extract()).outcome, 'resync requested');
      await on.dependencies.control.viewStops.requestResync('pmr_project', {
        isWanted: false,
        acceptsDeletes: false,
      });
      await on.catchUp();
      await on.assertEqual();
    });

    it('I2 during a resync that is withdrawn, of a view whose log was empty', async () => {
      await sql('truncate models_logging_change restart identity');
      await on.dependencies.control.viewStops.requestResync('pmr_project', {
        isWanted: true,
        acceptsDeletes: false,
      });
      await on.replicate();
      await sql(`update app_project set name = 'logged by nobody' where id = 2`);
      await makeLog(on, adopted, 'django_content_type');
      await sql('truncate datahub_change_log');
      await readTriggerLog(on);
      await on.dependencies.control.viewStops.requestResync('pmr_project', {
        isWanted: true,
        acceptsDeletes: false,
      });
      const { etlTransactionId } = await on.stage();
      await on.dependencies.control.viewStops.requestResync('pmr_project', {
        isWanted: false,
        acceptsDeletes: false,
      });
      await on.control.query(
        `update etl.etl_transaction set state = 'abandoned', ended_at = now() where id = $1`,
        [etlTransactionId],
      );

      await on.catchUp();
      await on.assertEqual();
    });

    it('and the check says that the views will be loaded again', async () => {
      await makeLog(on, adopted, 'django_content_type');
      await readTriggerLog(on);
      const { findings } = await runOperation(
        { command: 'check', view: 'pmr_project' },
        on.dependencies,
        request,
      );
      assert.ok(
        findings.some(({ message }) =>
          /the next batch carries the whole view: the change log is datahub_change_log now/.test(message),
        ),
        JSON.stringify(findings),
      );
      const { views } = (await runOperation(
        { command: 'dryRun', view: 'pmr_project' },
        on.dependencies,
        request,
      )) as never as { views: { would: string }[] };
      assert.match(views[0]?.would ?? '', /^load the whole view again: the change log is/);
    });
  });
});
