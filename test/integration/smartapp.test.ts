import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { createSmartApp, READER_ROLE } from '../smartapp/create-smartapp.ts';
import type { Change } from '../smartapp/django-request.ts';
import { logRow } from '../smartapp/log-row.ts';
import { MAIN_MODELS, MODELS } from '../smartapp/models.ts';
import { SCENARIOS } from '../smartapp/scenarios.ts';
import { UNLOGGED_SCENARIOS } from '../smartapp/unlogged-scenarios.ts';
import { Workload, type WorkloadOptions } from '../smartapp/workload.ts';

const SCALE = 0.05;
const READER_PASSWORD = "it's a 'secret'";
const VIEWS = ['pmr_project', 'pmr_inventory', 'pmr_pm_plan', 'pmr_pm_item', 'xyz_incident'];

describe('SMartApp', () => {
  let postgres: Postgres;
  let copies = 0;
  const pools: pg.Pool[] = [];

  before(async () => {
    postgres = await startPostgres({ settings: { track_commit_timestamp: 'on' } });
    await postgres.createDatabase('smartapp');
    await createSmartApp(postgres.url('smartapp'), { scale: SCALE, readerPassword: READER_PASSWORD });
  });

  after(() => postgres.stop());

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.end()));
  });

  const connect = (url: string): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url });
    pool.on('error', () => undefined);
    pools.push(pool);
    return pool;
  };

  const smartApp = (): pg.Pool => connect(postgres.url('smartapp'));

  /** A copy of the sample database, for tests that write. */
  const copy = async (): Promise<{ url: string; database: pg.Pool }> => {
    copies += 1;
    const name = `copy_${copies}`;
    await connect(postgres.url()).query(`create database ${name} template smartapp`);
    return { url: postgres.url(name), database: connect(postgres.url(name)) };
  };

  describe('as sample data', () => {
    it('has the production sizes times the scale', async () => {
      const database = smartApp();
      const sizes = await Promise.all(
        VIEWS.map(async (view) => [view, await countOf(database, `select from ${view}`)] as const),
      );
      assert.deepEqual(Object.fromEntries(sizes), {
        pmr_project: 31,
        pmr_inventory: 839,
        pmr_pm_plan: 246,
        pmr_pm_item: 4979,
        xyz_incident: 216,
      });
    });

    it('has rows that its views leave out, so that they can enter', async () => {
      const database = smartApp();
      assert.equal(await countOf(database, 'select from app_project where is_dummy'), 1);
      assert.equal(await countOf(database, 'select from app_inventory where is_dummy'), 17);
      assert.equal(await countOf(database, 'select from app_incident where incident_status_id = 3'), 33);
    });

    it('has no row that refers to a missing one', async () => {
      const database = smartApp();
      const { rows } = await database.query<{ child: string; parent: string; name: string }>(`
        select conrelid::regclass as child, confrelid::regclass as parent, attname as name
        from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1] where contype = 'f'`);
      assert.ok(rows.length > 20);
      for (const { child, parent, name } of rows) {
        const orphans = `select from ${child} c where ${name} is not null and not exists (select from ${parent} p where p.id = c.${name})`;
        assert.equal(await countOf(database, orphans), 0, `${child}.${name}`);
      }
    });

    it('has text that careless formats break on, and empty text beside NULL', async () => {
      const [varieties] = (
        await smartApp().query(`
          select bool_or(text like '%"%') and bool_or(text like '%''%') as quotes, bool_or(text like E'%\\\\%') as backslash,
                 bool_or(text like E'%\\t%') and bool_or(text like E'%\\n%') and bool_or(text like E'%\\r%') as controls,
                 bool_or(text like '%🔧%') as emoji, bool_or(text ~ '[ก-๙]') as thai, bool_or(text = '') as empty, bool_or(text is null) as null
          from (select serial_number from pmr_inventory union all select pm_period from pmr_pm_plan
                union all select brand from pmr_inventory union all select model from pmr_inventory
                union all select remark from app_pm_inventory) as t (text)`)
      ).rows;
      assert.deepEqual(new Set(Object.values(varieties)), new Set([true]));
    });

    it('fits the partitions of the targets: months and years of one load, and the window of streaming', async () => {
      const database = smartApp();
      for (const [view, column] of [
        ['pmr_project', 'project_start'],
        ['pmr_pm_plan', 'planned_date'],
        ['pmr_inventory', 'customer_warranty_start'],
      ]) {
        const months = await countOf(database, `select from ${view} group by date_trunc('month', ${column})`);
        assert.ok(months > 5 && months < 300, `${view} has ${months} months`);
        assert.ok((await countOf(database, `select from ${view} where ${column} is null`)) > 0, `${view} without date`);
      }
      const tooOld = `select from xyz_incident where open_datetime < '2019'`;
      assert.equal(await countOf(database, tooOld), 0);
    });

    it('has a log of many content types and all actions, with holes in its ids', async () => {
      const database = smartApp();
      const { rows } = await database.query(`
        select count(distinct content_type_id)::int as types, count(distinct action)::int as actions,
               max(id) - min(id) + 1 > count(*) as has_holes, (select last_value from models_logging_change_id_seq) = max(id) as continues
        from models_logging_change`);
      assert.deepEqual(rows, [{ types: 9, actions: 3, has_holes: true, continues: true }]);
    });

    it('is the same for the same seed, and another one for another', async () => {
      const [first, again, other] = await Promise.all(
        [7, 7, 8].map(async (seed, index) => {
          await postgres.createDatabase(`seed_${index}`);
          await createSmartApp(postgres.url(`seed_${index}`), { scale: 0.005, seed });
          return contentsOf(connect(postgres.url(`seed_${index}`)));
        }),
      );
      assert.deepEqual(first, again);
      assert.notDeepEqual(first, other);
    });

    it('leaves nothing behind when it cannot be made whole', async () => {
      await postgres.createDatabase('taken');
      const database = connect(postgres.url('taken'));
      await database.query('create table app_incident (mine int)');
      await assert.rejects(createSmartApp(postgres.url('taken'), { scale: SCALE }), { code: '42P07' });
      assert.equal(await countOf(database, `select from pg_tables where schemaname = 'public'`), 1);
    });
  });

  describe("'s reader role", () => {
    const READABLE = [
      ...VIEWS,
      ...['app_project', 'app_inventory', 'app_preventivemaintenance', 'app_pm_inventory', 'app_incident'],
      ...['app_company', 'app_brand', 'app_model', 'app_product_type', 'app_employee'],
      ...['app_incident_type', 'app_service_type', 'app_incident_severity', 'app_incident_status'],
      ...['models_logging_change', 'django_content_type', 'models_logging_change_id_seq'],
    ];

    it('can read exactly what is configured (I12)', async () => {
      const reader = connect(postgres.url('smartapp', READER_ROLE, READER_PASSWORD));
      const readable = await reader.query<{ name: string }>(`
        select oid::regclass::text as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S')
          and case relkind when 'S' then has_sequence_privilege(oid, 'select') else has_table_privilege(oid, 'select') end`);
      assert.deepEqual(readable.rows.map(({ name }) => name).sort(), READABLE.toSorted());
      for (const name of READABLE) await reader.query(`select * from ${name} limit 1`);
      await assert.rejects(reader.query('select * from auth_user'), { code: '42501' });
    });

    it('can write nothing (I12)', async () => {
      const reader = connect(postgres.url('smartapp', READER_ROLE, READER_PASSWORD));
      const writable = await reader.query(`
        select oid::regclass from pg_class
        where relnamespace = 'public'::regnamespace
          and case relkind when 'S' then has_sequence_privilege(oid, 'usage, update')
            else relkind in ('r', 'v') and has_table_privilege(oid, 'insert, update, delete, truncate, references, trigger') end`);
      assert.deepEqual(writable.rows, []);
      await assert.rejects(reader.query('delete from models_logging_change'), { code: '42501' });
      await assert.rejects(reader.query(`select nextval('models_logging_change_id_seq')`), { code: '42501' });
      await assert.rejects(reader.query('create table mine (id int)'), { code: '42501' });
    });

    it('and the views may be set up again', async () => {
      const { database } = await copy();
      for (const name of [...VIEWS, 'reader-role', 'recommended-index']) {
        await database.query(await readFile(new URL(`../../sql/source/${name}.sql`, import.meta.url), 'utf8'));
      }
    });
  });

  describe("'s workload", () => {
    /** Runs it on a copy, and reads the log rows that it wrote. */
    const run = async (changes: number, options: Omit<WorkloadOptions, 'connectionString'>) => {
      const { url, database } = await copy();
      const made: Change[] = [];
      const start = (await database.query('select last_value from models_logging_change_id_seq')).rows[0].last_value;
      const workload = new Workload({
        connectionString: url,
        holdMs: [50, 100],
        onChange: (change) => made.push(change),
        ...options,
      });
      const report = await workload.run({ changes });
      await database.query(`create view new_log as select * from models_logging_change where id > ${start}`);
      await database.query(`
        create view current_row as ${Object.values(MODELS)
          .map(({ table, contentTypeId }) => `select ${contentTypeId} as content_type_id, id::text as object_id from ${table}`)
          .join(' union all ')}`);
      return { database, report, made };
    };

    it('makes about as many changes as it is asked for, by every kind of request', async () => {
      const { database, report, made } = await run(400, {});
      assert.ok(report.changes >= 400 && report.changes < 500, `${report.changes} changes`);
      assert.equal(made.length, report.changes);
      assert.deepEqual(Object.keys(report.requests).sort(), SCENARIOS.map(({ name }) => name).sort());
      assert.equal(await countOf(database, 'select from new_log'), report.logRows);
      assert.deepEqual([...new Set(made.map(({ action }) => action))].sort(), ['added', 'changed', 'deleted']);
    });

    it('logs every row that it changes', async () => {
      const { database, made } = await run(400, {});
      const { rows } = await database.query('select content_type_id, object_id from new_log');
      const logged = new Set(rows.map(({ content_type_id, object_id }) => `${content_type_id} ${object_id}`));
      const missing = made.filter(({ model, id }) => !logged.has(`${MODELS[model].contentTypeId} ${id}`));
      assert.deepEqual(missing, []);
    });

    it('leaves the logs behind that mislead whoever believes their action', async () => {
      // With one writer, the last log row of a key is that of the last request about it.
      const { database, report, made } = await run(500, { writers: 1 });
      const lastLogs = `
        select distinct on (content_type_id, object_id) action,
          exists (select from current_row c where (c.content_type_id, c.object_id) = (l.content_type_id, l.object_id)) as exists
        from new_log as l order by content_type_id, object_id, id desc`;
      const { rows } = await database.query<{ action: string; exists: boolean; keys: number }>(
        `select action, exists, count(*)::int as keys from (${lastLogs}) as last group by action, exists`,
      );
      const keys = (action: string, exists: boolean) =>
        rows.find((row) => row.action === action && row.exists === exists)?.keys ?? 0;
      assert.ok(keys('changed', false) > 0, 'updated, then deleted');
      assert.ok(keys('added', false) > 0, 'created, then deleted');
      assert.ok(keys('deleted', true) > 0, 'deleted, then created with the same key');
      const neverAdded = (report.requests['create in a savepoint rolled back'] ?? 0) > 0;
      assert.ok(neverAdded, 'created in a savepoint rolled back');
      const { rows: added } = await database.query<{ key: string }>(
        `select content_type_id || ' ' || object_id as key from new_log where action = 'added'`,
      );
      const really = new Set(made.map(({ model, id }) => `${MODELS[model].contentTypeId} ${id}`));
      assert.ok(added.some(({ key }) => !really.has(key)), 'a log row about a row that never existed');
    });

    it('commits some log rows after others with higher ids, and leaves holes (I3)', async () => {
      const { database, report } = await run(400, {});
      assert.ok(report.heldLogs > 0 && report.lateLogs > 0);
      const overtaken = `
        select from new_log as late where exists (
          select from new_log as other where other.id > late.id
            and pg_xact_commit_timestamp(other.written_by) < pg_xact_commit_timestamp(late.written_by) - interval '40 ms')`;
      assert.ok((await countOf(database, overtaken)) > 0);
      const { rows } = await database.query('select max(id) - min(id) + 1 > count(*) as has_holes from new_log');
      assert.deepEqual(rows, [{ has_holes: true }]);
    });

    it('writes log rows as the package does', async () => {
      const { database } = await run(500, {});
      const { rows } = await database.query<LoggedRow>('select * from new_log order by id');
      const modelOf = new Map(Object.values(MODELS).map((model) => [model.contentTypeId, model]));
      for (const row of rows) {
        const className = modelOf.get(row.content_type_id)?.className;
        assert.equal(row.object_repr, `${className} object (${row.object_id})`);
        assert.deepEqual([row.user_id, row.revision_id, row.extras], [null, null, {}]);
        const savedAt = row.changed_data.updated_at?.new ?? row.changed_data.updated_at?.old;
        assert.match(String(savedAt), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        for (const [column, value] of Object.entries(row.changed_data)) {
          assert.ok(['new,old', 'old'].includes(Object.keys(value).sort().join()), `${row.id} ${column}`);
        }
      }
      assert.deepEqual([...new Set(rows.map(({ action }) => action))].sort(), ['added', 'changed', 'deleted']);
    });

    it("names a created row's values, a changed row's differences, and all columns of a deleted one", async () => {
      const { url, database } = await copy();
      const client = await database.connect();
      try {
        const request = new DjangoRequest(client, {
          random: new Random(1),
          clock: () => new Date('2026-11-22T12:30:49.372Z'),
          highestId: new Map(),
        });
        const created = await request.create(MODELS.plan, { project_id: 1, remark: '', planned_date: null });
        assert.deepEqual(request.logRows[0]?.changedData?.remark, { old: null, new: '' });
        assert.equal(request.logRows[0]?.changedData?.planned_date, undefined);

        const later = new DjangoRequest(client, request.surroundings);
        await later.save(created, { remark: '2/4', planned_date: null });
        assert.deepEqual(later.logRows[0]?.changedData, {});
      } finally {
        client.release();
      }
      assert.ok(url);
    });
  });
});
