import assert from 'node:assert/strict';
import { dryRun } from '../../../shared/operations/dry-run.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** The view of source.sql with other expressions. */
const projectView = (name: string, where = 'not p.is_dummy') => `create or replace view pmr_project as
  select p.id as project_id, ${name} as name, c.name as company, p.share, p.opened, p.updated_at
  from app_project p left join app_company c on c.id = p.company_id
  where ${where}`;

describe('a view that was replaced', () => {
  const { on } = useInstallation();
  const sql = (text: string) => on.source.database.query(text);
  const changes = async () =>
    (await on.control.query('select view_name, kind, action from etl.schema_change order by id')).rows;

  const forecasts = async () => (await dryRun({ view: 'pmr_project' }, on.dependencies)).views;

  beforeEach(async () => {
    await sql(
      `create function spelling(given text) returns text language sql immutable as 'select upper(given)'`,
    );
    await sql('create view named_project as select id, name, is_dummy from app_project');
    await sql(`grant select on named_project to reader`);
    await on.source.add('app_project', { id: 1, name: 'One' }, { id: 2, name: 'two' });
    await on.mailboxes.extract.take();
  });

  /** The next extract requests a resync, and the one after it makes the target equal, although the log names no row. */
  const isLoadedAgain = async () => {
    assert.deepEqual(await on.extract(), { outcome: 'resync requested', view: 'pmr_project' });
    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: 'pmr_project', trigger: 'resync' }]);
    const batch = await on.stage();
    assert.equal(batch.kind, 'resync');
    await on.merge(batch);
    await on.assertEqual();
    assert.deepEqual(await changes(), [{ view_name: 'pmr_project', kind: 'replaced', action: 'resync' }]);
    assert.equal((await on.extract()).outcome, 'idle');
  };

  it('I2 with another expression for the same column is loaded again', async () => {
    await on.replicate();

    await sql(projectView('lower(p.name)'));

    await isLoadedAgain();
  });

  it('I2 with another condition is loaded again', async () => {
    await on.replicate();

    await sql(projectView('p.name', 'not p.is_dummy and p.id > 1'));

    await isLoadedAgain();
  });

  it('I2 is loaded again when a view behind it was replaced', async () => {
    await sql(`create or replace view pmr_project as
      select p.id as project_id, p.name, null::text as company, q.share, q.opened, q.updated_at
      from named_project p join app_project q using (id)`);
    await on.replicate();

    await sql(
      `create or replace view named_project as select id, reverse(name) as name, is_dummy from app_project`,
    );

    await isLoadedAgain();
  });

  it('I2 is loaded again when a function behind it was replaced', async () => {
    await sql(projectView('spelling(p.name)'));
    await on.replicate();

    await sql(
      `create or replace function spelling(given text) returns text language sql immutable as 'select lower(given)'`,
    );

    await isLoadedAgain();
  });

  it('I2 while one of its batches waits to be applied is loaded again afterwards', async () => {
    await on.replicate();
    await on.source.change('app_project', 2, { name: 'Two' });
    const batch = await on.stage();
    await sql(projectView('lower(p.name)'));
    await on.merge(batch);

    await isLoadedAgain();
  });

  it('I2 before its first batch is applied is loaded again afterwards', async () => {
    const batch = await on.stage();
    await sql(projectView('lower(p.name)'));
    await on.merge(batch);

    await isLoadedAgain();
  });

  it('there and back, while nothing was captured, is left alone', async () => {
    await on.replicate();

    await sql(projectView('lower(p.name)'));
    await sql(projectView('p.name'));

    assert.equal((await on.extract()).outcome, 'idle');
    assert.deepEqual(await changes(), []);
  });

  it('by the same text, or got a comment, a privilege or another search path, is left alone', async () => {
    await on.replicate();

    await sql(projectView('p.name'));
    await sql(`comment on view pmr_project is 'projects'; grant select on pmr_project to public`);
    await sql(`alter role reader set search_path = public, pg_temp`);

    // A connection of its own, since settings of a role belong to new ones.
    assert.equal((await (await on.anotherProcess()).extract()).outcome, 'idle');
    assert.deepEqual(await changes(), []);
  });

  it('halts if its view source says so, until an operator resyncs it', async () => {
    await on.control.query(`update etl.view_source set view_changes = 'halt' where name = 'pmr_project'`);
    await on.replicate();
    await sql(projectView('lower(p.name)'));

    await assert.rejects(on.extract(), {
      kind: 'schema_drift',
      message: /view pmr_project, or a view or function behind it, was replaced/,
      advice: /\{"view":"pmr_project","resync":true\}/,
    });
    assert.deepEqual(await changes(), [{ view_name: 'pmr_project', kind: 'replaced', action: 'halt' }]);

    await on.dependencies.control.viewStops.requestResync('pmr_project', {
      isWanted: true,
      acceptsDeletes: false,
    });
    await on.replicate();
    await on.assertEqual();
    assert.equal((await on.extract()).outcome, 'idle');
  });

  const serverWas = (definition: string) =>
    on.control.query(`update etl.checkpoint set definition = definition || $1`, [definition]);

  it('is recorded once, and not loaded again, when only the server was upgraded', async () => {
    await on.replicate();
    await serverWas('{"serverMajor":13}');
    const isRecorded = async () =>
      assert.deepEqual(await changes(), [{ view_name: 'pmr_project', kind: 'server', action: 'recorded' }]);

    // Attempts that fail do not move the checkpoint.
    await on.source.change('app_project', 2, { name: 'Two' });
    for (const _ of [1, 2]) {
      const batch = await on.stage();
      await isRecorded();
      await on.control.query(
        `update etl.etl_transaction set state = 'abandoned', ended_at = now() where id = $1`,
        [batch.etlTransactionId],
      );
    }
    await on.replicate();

    assert.equal((await on.extract()).outcome, 'idle');
    await isRecorded();
    await serverWas('{"serverMajor":14}');
    assert.equal((await on.extract()).outcome, 'idle');
    assert.equal((await changes()).length, 2);
  });

  it('I2 while the server was upgraded is loaded again', async () => {
    await on.replicate();
    await serverWas('{"serverMajor":13}');
    await sql(projectView('lower(p.name)'));

    await isLoadedAgain();
  });

  it('is left alone after an upgrade from a release that recorded no columns and types, and noticed from then on', async () => {
    await on.replicate();
    await on.control.query(`update etl.checkpoint set definition = definition - 'columns'`);
    assert.equal((await on.extract()).outcome, 'idle');
    assert.deepEqual(await changes(), []);

    await sql(`drop view pmr_project; alter table app_project alter column share type numeric(12, 1)`);
    await sql(`${projectView('p.name')}; grant select on pmr_project to reader`);

    await isLoadedAgain();
  });

  it('is noticed from the first capture after an upgrade from a release that recorded no definition', async () => {
    await on.replicate();
    await on.control.query('update etl.checkpoint set definition = null');
    assert.equal((await on.extract()).outcome, 'idle');

    await sql(projectView('lower(p.name)'));

    await isLoadedAgain();
  });

  describe('while two other views are loaded again by the system', () => {
    const WAITING = {
      outcome: 'skipped',
      view: 'pmr_project',
      reason: 'its resync waits for those of other views',
    };
    const state = async () => (await on.dependencies.control.status.views('pmr_project'))[0]?.state;

    beforeEach(async () => {
      await on.replicate();
      await sql(projectView('lower(p.name)'));
      await on.extract();
      for (const view of ['other_1', 'other_2']) {
        await on.control.query(
          `insert into etl.view_source (name, target_name, main_table, app_label, model, content_type_id, key_column, load_type, resync_by_system)
           values ($1, $1, 'x', 'x', 'x', 1, 'id', 'merge', true)`,
          [view],
        );
        await on.control.query(
          `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, is_complete)
           values ($1, 'resync', 'test', 'staged', gen_random_uuid(), '{}', $1, true)`,
          [view],
        );
      }
    });

    it('waits, and says so, until one of them has ended', async () => {
      assert.deepEqual(await on.extract(), WAITING);
      assert.equal(await state(), 'waiting');
      assert.deepEqual(await forecasts(), [{ view: 'pmr_project', would: `wait: ${WAITING.reason}` }]);
      await on.control.query(`update etl.etl_transaction set state = 'applied' where view_name = 'other_1'`);
      assert.equal(await state(), 'running');

      assert.equal((await on.stage()).kind, 'resync');

      await on.control.query(`update etl.etl_transaction set state = 'staged' where view_name = 'other_1'`);
      assert.equal(await state(), 'running', 'its resync has begun');
    });

    it('does not wait when an operator requests its resync', async () => {
      await on.dependencies.control.viewStops.requestResync('pmr_project', {
        isWanted: true,
        acceptsDeletes: false,
      });

      assert.equal(await state(), 'running');
      assert.equal((await on.stage()).kind, 'resync');
    });

    for (const [stop, change] of [
      ['paused', 'paused = true, paused_at = now()'],
      ['halted', `halted_at = now(), halted_reason = 'x'`],
      ['not enabled', 'enabled = false'],
      ['over budget', 'daily_budget_bytes = 1'],
    ]) {
      it(`does not wait for one that is ${stop}`, async () => {
        assert.deepEqual(await on.extract(), WAITING);
        await on.control.query(
          `insert into etl.job_usage (job_id, view_name, bytes_billed, slot_ms, ended_at) values ('x', 'other_1', 1, 1, now())`,
        );

        await on.control.query(`update etl.view_source set ${change} where name = 'other_1'`);

        assert.equal(await state(), 'running');
        assert.equal((await on.stage()).kind, 'resync');
      });
    }
  });

  it('I8 by dropping and creating it is retried while it is gone, and halts when it stays away', async () => {
    await on.replicate();
    await sql('drop view pmr_project');

    await assert.rejects(on.extract(), {
      kind: 'transient',
      message: /pmr_project does not exist.*looked for again/,
    });
    assert.equal(await on.haltedReason(), null);
    assert.match(
      String((await forecasts())[0]?.would),
      /^wait: .*pmr_project does not exist.*looked for again/,
    );
    await on.control.query(
      `update etl.view_source set missing_since = missing_since - interval '601 seconds'`,
    );
    assert.match(String((await forecasts())[0]?.would), /^fail: .*pmr_project does not exist/);
    await assert.rejects(on.extract(), { kind: 'configuration', message: /view pmr_project does not exist/ });
    assert.notEqual(await on.haltedReason(), null);

    await on.dependencies.control.viewStops.resume('pmr_project');
    await assert.rejects(on.extract(), { kind: 'transient', message: /looked for again/ });
    assert.equal(await on.haltedReason(), null, 'a resume gives it ten minutes again');

    await sql(projectView('lower(p.name)'));
    await sql('grant select on pmr_project to reader');
    await isLoadedAgain();
  });

  for (const [what, expression, extractAgain] of [
    ['found unchanged', 'p.name', () => on.extract()],
    ['found with another definition', 'lower(p.name)', () => on.extract()],
    [
      'loaded again',
      'p.name',
      async () => {
        await on.source.change('app_project', 1, { name: 'uno' });
        await on.replicate();
      },
    ],
  ] as const) {
    it(`I8 that is gone once more after it was ${what} is retried as long as the first time`, async () => {
      await on.replicate();
      await sql('drop view pmr_project');
      await assert.rejects(on.extract(), { kind: 'transient' });
      await on.control.query(
        `update etl.view_source set missing_since = missing_since - interval '601 seconds'`,
      );
      await sql(projectView(expression));
      await sql('grant select on pmr_project to reader');
      await extractAgain();

      await sql('drop view pmr_project');

      await assert.rejects(on.extract(), { kind: 'transient', message: /looked for again/ });
    });
  }

  it('I8 before anything was loaded halts at once while it does not exist', async () => {
    await sql('drop view pmr_project');

    await assert.rejects(on.extract(), { kind: 'configuration', message: /view pmr_project does not exist/ });
    assert.notEqual(await on.haltedReason(), null);
  });
});
