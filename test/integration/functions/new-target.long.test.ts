import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { failJob, failJobAfterEffect } from '../../emulators/bigquery/job-faults.ts';
import { dropAfterEffect, failBefore, pass } from '../../emulators/faults.ts';
import { PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const MONTHLY = { partition_column: 'opened', partition_granularity: 'month' } as const;
const TAG = 'projects/p/locations/eu/taxonomies/1/policyTags/2';
const STREAMED = STREAMED_ENTRY.name;
/** The view of source.sql with these columns, made anew. */
const makeView = (columns: string) => `drop view pmr_project; create view pmr_project as
  select ${columns} from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy;
  grant select on pmr_project to reader`;

describe('a new target', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });
  const sql = (text: string) => on.source.database.query(text);
  const importing = (differing: Partial<ViewSourceEntry>, entry = PROJECT_ENTRY) =>
    importConfiguration({ entries: [{ ...entry, ...differing }] }, on.dependencies);
  const table = (name = 'project') => on.bigquery.dataset('SMartDataAnalytics').table(name);
  const metadata = async (name = 'project') => (await table(name).getMetadata())[0];
  const typeOf = async (column: string, name = 'project') =>
    (await metadata(name)).schema.fields.find((field: { name: string }) => field.name === column)?.type;
  const actions = async () =>
    (await on.control.query('select kind, action from etl.schema_change order by id')).rows.map(
      ({ kind, action }) => `${kind} ${action}`,
    );
  const tables = async () =>
    (await on.bigquery.dataset('SMartDataAnalytics').getTables())[0].map(({ id }) => id).sort();
  const isEqual = async () => {
    const { rows } = await sql(
      'select project_id, name, company, trim_scale(share::numeric) as share, opened from pmr_project order by 1',
    );
    const found = await on.query(
      `select project_id, name, company, share, opened from View_SMartData.view_project order by 1`,
    );
    const texts = (all: Record<string, unknown>[]) =>
      all.map((row) =>
        Object.values(row).map((value) =>
          value instanceof Date ? value.toISOString() : value === null ? null : String(value),
        ),
      );
    assert.deepEqual(texts(found), texts(rows));
  };

  describe('of a merged view', () => {
    beforeEach(async () => {
      await on.source.add(
        'app_project',
        { id: 1, name: '17', share: '0.125', opened: '2026-01-02T03:04:05Z' },
        { id: 2, name: 'two', opened: '2026-02-03T04:05:06Z' },
        { id: 3, name: 'three', opened: '2026-02-03T04:05:06Z' },
      );
      await on.replicate();
      await on.source.delete('app_project', 3);
      await on.replicate();
    });

    it('I8 has the partitions that an import configures, and the rows, deleted ones included', async () => {
      const answer = await importing(MONTHLY);

      assert.deepEqual(answer.resyncs, ['pmr_project']);
      assert.deepEqual(
        answer.effects.map(({ view, field, effect }) => [view, field, effect]),
        [
          ['pmr_project', 'partition_column', 'new target'],
          ['pmr_project', 'partition_granularity', 'new target'],
        ],
      );
      const batch = await on.stage();
      assert.deepEqual((await metadata()).timePartitioning, { type: 'MONTH', field: 'opened' });
      assert.equal((await on.target()).length, 3, 'the rows are there before the batch is applied');
      assert.partialDeepStrictEqual(await on.merge(batch), { unchanged: '2', deleted: '0' });
      await isEqual();
      assert.deepEqual(
        (await on.query(`select is_deleted from ${on.targetTable()} where project_id = 3`)).map(
          ({ is_deleted }) => is_deleted,
        ),
        [true],
      );
      assert.deepEqual(await actions(), ['configuration resync', 'columns new target']);
      assert.ok(!(await tables()).includes('project-replacement'));
      await on.source.change('app_project', 2, { name: 'zwei' });
      assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
      await isEqual();
      assert.equal((await on.extract()).outcome, 'idle');
    });

    it('I8 there and back has the partitions of the last import', async () => {
      await importing(MONTHLY);
      await importing({});
      await on.replicate();
      assert.equal((await metadata()).timePartitioning, undefined);
      for (const partition_granularity of ['month', 'year', 'month'] as const) {
        await importing({ ...MONTHLY, partition_granularity });
        await on.replicate();
        assert.equal((await metadata()).timePartitioning.type, partition_granularity.toUpperCase());
        await isEqual();
      }
    });

    it('I8 follows any other type, with the values that fit until the view is loaded again', async () => {
      await sql(
        makeView(
          'p.id as project_id, length(p.name) as name, c.name as company, p.share, p.opened, p.updated_at',
        ),
      );
      assert.equal((await on.extract()).outcome, 'resync requested');

      const batch = await on.stage();

      assert.equal(await typeOf('name'), 'INTEGER');
      assert.deepEqual(
        (await on.query(`select name from ${on.targetTable()} order by project_id`)).map(({ name }) => name),
        ['17', null, null],
      );
      await on.merge(batch);
      await isEqual();
      assert.deepEqual(await actions(), ['replaced resync', 'columns new target']);
    });

    it('I8 follows a change to text, of datetime columns and policies, too', async () => {
      await sql(
        makeView(
          'p.id as project_id, p.name, c.name as company, p.share::text, p.opened::timestamp, p.updated_at',
        ),
      );
      await on.extract();
      await on.replicate();
      assert.deepEqual([await typeOf('share'), await typeOf('opened')], ['STRING', 'DATETIME']);

      const answer = await importing({ datetime_columns: ['opened'] });

      assert.deepEqual(answer.resyncs, ['pmr_project']);
      await on.replicate();
      assert.equal(await typeOf('opened'), 'TIMESTAMP');
      await isEqual();
    });

    it('I8 keeps what operators have set on the one before', async () => {
      const fields = (await metadata()).schema.fields.map((field: { name: string }) =>
        field.name === 'name'
          ? { ...field, description: 'of the project', policyTags: { names: [TAG] } }
          : field,
      );
      await table().setMetadata({ description: 'ours', labels: { team: 'sales' }, schema: { fields } });

      await importing(MONTHLY);
      await on.replicate();

      const now = await metadata();
      const id = await on.dependencies.control.installation.id();
      const labels = { team: 'sales', smart_datahub_installation: id };
      assert.deepEqual([now.description, now.labels], ['ours', labels]);
      assert.deepEqual(now.tableConstraints, { primaryKey: { columns: ['project_id'] } });
      assert.deepEqual(now.clustering.fields, ['project_id']);
      const name = now.schema.fields.find((field: { name: string }) => field.name === 'name');
      assert.deepEqual([name.description, name.policyTags], ['of the project', { names: [TAG] }]);
    });

    it('I8 is refused at import, and at a tick, for a view whose columns are frozen', async () => {
      await assert.rejects(importing({ ...MONTHLY, column_changes: 'freeze' }), {
        kind: 'configuration',
        message:
          /its columns are frozen; a change of partition_column, partition_granularity changes its target/,
        advice: /Nothing was stored/,
      });
      await importing({ column_changes: 'freeze' });
      await sql(
        makeView(
          'p.id as project_id, length(p.name) as name, c.name as company, p.share, p.opened, p.updated_at',
        ),
      );
      await on.extract();
      await assert.rejects(on.extract(), {
        kind: 'schema_drift',
        message: /NULLABLE STRING instead of NULLABLE INT64/,
      });
    });

    describe('after a crash', () => {
      const equalAtLast = async () => {
        await on.replicate();
        await isEqual();
        assert.deepEqual((await metadata()).timePartitioning, { type: 'MONTH', field: 'opened' });
        assert.equal((await on.target()).length, 3, 'the deleted row is there');
        assert.ok(!(await tables()).includes('project-replacement'));
        assert.equal((await on.extract()).outcome, 'idle');
      };
      /** The swap in pieces, as the script runs it. */
      const insert = `insert into SMartDataAnalytics.\`project-replacement\`
        (project_id, name, company, share, opened, is_deleted, update_at, etl_transaction_id)
        select project_id, name, company, share, opened, is_deleted, update_at, etl_transaction_id from ${'SMartDataAnalytics.project'}`;
      beforeEach(() => importing(MONTHLY));

      it('before the new table exists starts anew', async () => {
        stack.bigquery.faults.next('bigquery.job.query', failJob('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        await equalAtLast();
      });

      it('whose job ended unseen starts anew', async () => {
        stack.bigquery.faults.next('bigquery.job.query', failJobAfterEffect('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        assert.ok((await tables()).includes('project-replacement'));
        await equalAtLast();
      });

      it('before the new table has its settings starts anew', async () => {
        stack.bigquery.faults.next('bigquery.tables.patch', failBefore(403));
        await assert.rejects(on.extract(), { kind: 'unauthorized' });
        await equalAtLast();
      });

      it('before the rows are copied starts anew', async () => {
        stack.bigquery.faults.next('bigquery.job.query', pass(), failJob('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        assert.equal((await on.target()).length, 3);
        await equalAtLast();
      });

      it('with the copied rows starts anew, and no row is there twice', async () => {
        stack.bigquery.faults.next('bigquery.job.query', pass(), failJob('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        await on.query(insert);
        await equalAtLast();
      });

      it('without the target before goes on with the new one, and loses no row', async () => {
        stack.bigquery.faults.next('bigquery.job.query', pass(), failJob('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        await on.query(insert);
        await on.query('drop table SMartDataAnalytics.project');
        await equalAtLast();
      });

      it('without the target before, and after an operator has withdrawn the resync, loads the view all the same', async () => {
        stack.bigquery.faults.next('bigquery.job.query', pass(), failJob('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        await on.query(insert);
        await on.query('drop table SMartDataAnalytics.project');
        await on.dependencies.control.viewStops.requestResync('pmr_project', {
          isWanted: false,
          acceptsDeletes: false,
        });
        await equalAtLast();
      });

      it('whose new target has its name already goes on', async () => {
        stack.bigquery.faults.next('bigquery.job.query', pass(), failJobAfterEffect('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        await equalAtLast();
      });

      it('whose answers were lost goes on', async () => {
        stack.bigquery.faults.next('bigquery.jobs.insert', pass(), dropAfterEffect());
        await on.extract().catch((error: { kind: string }) => assert.equal(error.kind, 'transient'));
        if ((await on.batches()).length === 2) return await equalAtLast();
        await on.merge((await on.mailboxes.merge.take())[0] as never);
        await isEqual();
      });

      it('waits while a job of the call before still runs', async () => {
        const held = stack.bigquery.faults.holdNext('bigquery.job.query');
        const hurried = await on.hurriedProcess(held);
        await assert.rejects(hurried.extract(), { kind: 'transient' });

        await assert.rejects(on.extract(), { kind: 'transient', message: /target_.*_1 is still running/ });

        held.release();
        await equalAtLast();
      });

      it('and after the import was taken back, leaves nothing behind', async () => {
        stack.bigquery.faults.next('bigquery.job.query', pass(), failJob('backendError'));
        await assert.rejects(on.extract(), { kind: 'transient' });
        await importing({});

        await on.replicate();

        assert.equal((await metadata()).timePartitioning, undefined);
        assert.ok(!(await tables()).includes('project-replacement'));
        await isEqual();
      });
    });
  });

  describe('of a streamed view', () => {
    beforeEach(async () => {
      await on.source.add(
        'app_incident',
        { id: 1, inventory_id: 7, type: 'broken', opened: '2026-01-02T03:04:05Z' },
        { id: 2, type: 'noisy', opened: '2026-02-03T04:05:06Z' },
      );
      await on.replicate(STREAMED);
      await on.source.change('app_incident', 2, { status: 'closed' });
      await on.replicate(STREAMED);
    });

    for (const [what, differing, check] of [
      [
        'partitions',
        { partition_granularity: 'year' },
        { timePartitioning: { type: 'YEAR', field: 'open_datetime' } },
      ],
      ['clustering', { cluster_columns: ['status'] }, { clustering: { fields: ['incident_id', 'status'] } }],
    ] as const) {
      it(`I8 has the ${what} that an import configures`, async () => {
        await table('incident').setMetadata({ maxStaleness: '0-0 0 0:5:0' });
        const answer = await importing(differing as Partial<ViewSourceEntry>, STREAMED_ENTRY);

        assert.deepEqual(answer.resyncs, [STREAMED]);
        await on.replicate(STREAMED);
        assert.partialDeepStrictEqual(await metadata('incident'), {
          ...check,
          maxStaleness: '0-0 0 0:5:0',
          tableConstraints: { primaryKey: { columns: ['incident_id'] } },
        });
        await on.assertIncidentsEqual();
        await on.source.change('app_incident', 1, { status: 'done' });
        await on.source.delete('app_incident', 2);
        await on.replicate(STREAMED);
        await on.assertIncidentsEqual();
      });
    }

    it('I8 follows another type', async () => {
      const columns = await sql(`select pg_get_viewdef('xyz_incident') as text`);
      const text = String(columns.rows[0]?.text).replace(
        'NULL::text AS severity',
        '(id / 2.0)::numeric(10,2) AS severity',
      );
      await sql(
        `drop view xyz_incident; create view xyz_incident as ${text}; grant select on xyz_incident to reader`,
      );
      assert.equal((await on.extract(STREAMED)).outcome, 'resync requested');

      await on.replicate(STREAMED);

      assert.equal(await typeOf('severity', 'incident'), 'NUMERIC');
      assert.deepEqual(
        (await on.query(`select severity from ${on.targetTable('incident')} order by incident_id`)).map(
          ({ severity }) => String(severity),
        ),
        ['0.5', '1'],
      );
    });

    describe('while the Storage Write API takes it for the one before', () => {
      const makeView = async (severity: string) => {
        const { rows } = await sql(`select pg_get_viewdef('xyz_incident') as text`);
        const text = String(rows[0]?.text).replace(/^.* AS severity/m, ` ${severity} AS severity`);
        await sql(
          `drop view xyz_incident; create view xyz_incident as ${text}; grant select on xyz_incident to reader`,
        );
      };
      /** Stages the whole view, whose column severity has got another type. */
      const stageWhole = async (severity: string) => {
        await makeView(severity);
        assert.equal((await on.extract(STREAMED)).outcome, 'resync requested');
        return await on.stage(STREAMED);
      };
      const later = async (minutes: number) => {
        const process = await on.anotherProcess();
        const clock = { nowMs: () => Date.now() + minutes * 60_000 };
        process.dependencies = { ...process.dependencies, clock };
        return process;
      };
      const severities = async () =>
        (await on.query(`select severity from ${on.targetTable('incident')} order by incident_id`)).map(
          ({ severity }) => String(severity),
        );
      const cases = {
        'the descriptor does not fit its types': {
          before: 'NULL::text',
          after: 'id',
          refusal: /proto field mismatched with BigQuery field at .*\.severity/,
          kind: 'warehouse',
          values: ['1', '2'],
        },
        'values do not fit its types': {
          before: 'id::numeric(10,2)',
          after: `'number ' || id`,
          refusal: /key "?1"?: .*severity/,
          kind: 'bad_data',
          values: ['number 1', 'number 2'],
        },
      };
      for (const [what, { before, after, refusal, kind, values }] of Object.entries(cases)) {
        const stageChanged = async () => {
          if (before !== 'NULL::text') {
            await makeView(before);
            await on.extract(STREAMED);
            await on.replicate(STREAMED);
          }
          const end = stack.bigquery.delaySchemas();
          return { batch: await stageWhole(after), end };
        };

        it(`I2 waits visibly, and is applied afterwards: ${what}`, async () => {
          const { batch, end } = await stageChanged();

          for (const minutes of [0, 0, 58]) {
            await assert.rejects((await later(minutes)).stream(batch), (error: Error & { kind: string }) => {
              assert.equal(error.kind, 'transient');
              assert.match(error.message, refusal);
              assert.match(error.message, /the rows wait until the Storage Write API knows it/);
              return true;
            });
          }
          const [status] = await on.dependencies.control.status.views(STREAMED);
          assert.partialDeepStrictEqual(status, { state: 'retrying', failedAttempts: 3 });
          assert.equal(await on.haltedReason(STREAMED), null);
          end();

          assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });
          assert.deepEqual(await severities(), values);
        });

        it(`I8 halts an hour after it was made: ${what}`, async () => {
          const { batch, end } = await stageChanged();

          await assert.rejects((await later(61)).stream(batch), { kind, message: refusal });

          assert.match(String(await on.haltedReason(STREAMED)), refusal);
          end();
        });
      }

      it('I2 sends rows again that BigQuery delivered to the one before', async () => {
        const end = stack.bigquery.delaySchemas();
        const batch = await stageWhole('(id / 2.0)::numeric(10,2)');
        await assert.rejects(on.stream(batch), { kind: 'transient', message: /0 of the 2 rows/ });
        end();
        await assert.rejects((await later(11)).stream(batch), { message: /all rows are sent again/ });

        assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '2' });

        assert.deepEqual(await severities(), ['0.5', '1']);
      });
    });
  });
});
