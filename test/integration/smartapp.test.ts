import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { type Postgres, startPostgres } from '../emulators/postgres.ts';
import { createSmartApp, READER_ROLE } from '../smartapp/create-smartapp.ts';
import { type Change, DjangoRequest } from '../smartapp/django-request.ts';
import { logRow } from '../smartapp/log-row.ts';
import { MODELS } from '../smartapp/models.ts';
import { Random } from '../smartapp/random.ts';
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
        assert.ok(
          (await countOf(database, `select from ${view} where ${column} is null`)) > 0,
          `${view} without date`,
        );
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
        await database.query(
          await readFile(new URL(`../../sql/source/${name}.sql`, import.meta.url), 'utf8'),
        );
      }
    });
  });

  describe("'s workload", () => {
    /** Runs it on a copy, and reads the log rows that it wrote. */
    const run = async (changes: number, options: Omit<WorkloadOptions, 'connectionString'>) => {
      const { url, database } = await copy();
      const made: Change[] = [];
      const start = (await database.query('select last_value from models_logging_change_id_seq')).rows[0]
        .last_value;
      const workload = new Workload({
        connectionString: url,
        holdMs: [50, 100],
        onChange: (change) => made.push(change),
        ...options,
      });
      const report = await workload.run({ changes });
      await database.query(
        `create view new_log as select *, xmin as written_by from models_logging_change where id > ${start}`,
      );
      await database.query(`
        create view current_row as ${Object.values(MODELS)
          .map(
            ({ table, contentTypeId }) =>
              `select ${contentTypeId} as content_type_id, id::text as object_id from ${table}`,
          )
          .join(' union all ')}`);
      return { database, report, made };
    };

    it('makes about as many changes as it is asked for, by every kind of request', async () => {
      const { database, report, made } = await run(400, {});
      assert.ok(report.changes >= 400 && report.changes < 500, `${report.changes} changes`);
      assert.equal(made.length, report.changes);
      assert.deepEqual(Object.keys(report.requests).sort(), SCENARIOS.map(({ name }) => name).sort());
      assert.equal(await countOf(database, 'select from new_log'), report.logRows);
      assert.deepEqual([...new Set(made.map(({ action }) => action))].sort(), [
        'added',
        'changed',
        'deleted',
      ]);
    });

    it('logs every row that it changes', async () => {
      const { database, made } = await run(400, {});
      const logged = await loggedKeys(database);
      assert.deepEqual(
        made.filter((change) => !logged.has(keyOf(change))),
        [],
      );
    });

    it('leaves the logs behind that mislead whoever believes their action', async () => {
      // With one writer, the last log row of a key is that of the last request about it.
      const { database, made } = await run(500, { writers: 1 });
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
      const reallyMade = new Set(made.map(keyOf));
      const neverMade = [...(await loggedKeys(database, 'added'))].filter((key) => !reallyMade.has(key));
      assert.ok(neverMade.length > 0, 'created in a savepoint that was rolled back');
    });

    it('commits some log rows after others with higher ids, and leaves holes (I3)', async () => {
      const { database, report } = await run(400, {});
      assert.ok(report.heldLogs > 0 && report.lateLogs > 0);
      const overtaken = `
        select from new_log as late where exists (
          select from new_log as other where other.id > late.id
            and pg_xact_commit_timestamp(other.written_by) < pg_xact_commit_timestamp(late.written_by) - interval '40 ms')`;
      assert.ok((await countOf(database, overtaken)) > 0);
      const { rows } = await database.query(
        'select max(id) - min(id) + 1 > count(*) as has_holes from new_log',
      );
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
      assert.deepEqual([...new Set(rows.map(({ action }) => action))].sort(), [
        'added',
        'changed',
        'deleted',
      ]);
    });

    it('makes the same changes and log rows again with one writer, a fixed clock and the same seed', async () => {
      const contents = [];
      for (const seed of [5, 5, 6]) {
        const { database } = await run(150, { seed, writers: 1, clock: tickingClock() });
        await database.query('drop view new_log, current_row');
        contents.push(await contentsOf(database));
      }
      assert.deepEqual(contents[0], contents[1]);
      assert.notDeepEqual(contents[0], contents[2]);
    });

    it('makes changes that nothing logs only when asked to', async () => {
      const { database, report, made } = await run(500, { unlogged: true });
      for (const { name } of UNLOGGED_SCENARIOS) assert.ok((report.requests[name] ?? 0) > 0, name);
      const logged = await loggedKeys(database);
      assert.ok(made.some((change) => !logged.has(keyOf(change))));
    });

    it('works in the background until it is stopped, and leaves no log transaction open', async () => {
      const { url, database } = await copy();
      const workload = new Workload({ connectionString: url, holdMs: [50, 100] });
      workload.start({ changesPerSecond: 300 });
      while (workload.report.changes < 60) await setImmediate();
      const { changes } = await workload.stop();
      const connections = `select from pg_stat_activity where application_name = 'smartapp-workload'`;
      assert.equal(await countOf(database, connections), 0);
      assert.equal(workload.report.changes, changes);
    });

    it('keeps to the rate that it was given', async () => {
      const { url } = await copy();
      const workload = new Workload({ connectionString: url });
      const startedAt = performance.now();
      workload.start({ changesPerSecond: 100 });
      while (workload.report.changes < 60) await setImmediate();
      await workload.stop();
      assert.ok(performance.now() - startedAt > 400, `60 changes after ${performance.now() - startedAt} ms`);
    });

    it('says so when it loses its connections', async () => {
      const { url, database } = await copy();
      const workload = new Workload({ connectionString: url });
      workload.start({ changesPerSecond: 1000 });
      while (workload.report.changes === 0) await setImmediate();
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'smartapp-workload' and datname = current_database()`,
      );
      await assert.rejects(workload.stop(), /terminating connection|Connection terminated/);
    });
  });

  describe("'s log rows", () => {
    let client: pg.PoolClient;
    let request: () => DjangoRequest;

    beforeEach(async () => {
      client = await smartApp().connect();
      await client.query('begin');
      const surroundings = { random: new Random(1), clock: tickingClock(), highestId: new Map() };
      request = () => new DjangoRequest(client, surroundings);
    });

    afterEach(async () => {
      await client.query('rollback');
      client.release();
    });

    const dataOf = (made: DjangoRequest) =>
      made.logRows.map(({ action, changedData }) => ({ action, changedData }));

    it('name the values of a created row, the differences of a changed one, and all columns of a deleted one', async () => {
      const creating = request();
      const plan = await creating.create(MODELS.plan, { project_id: 1, remark: '', planned_date: null });
      const [added] = dataOf(creating);
      assert.equal(added?.action, 'added');
      assert.deepEqual(added?.changedData?.remark, { old: null, new: '' });
      assert.equal('planned_date' in (added?.changedData ?? {}), false);

      const changing = request();
      await changing.save(plan, { remark: '2/4', project_id: 1 });
      const [changed] = dataOf(changing);
      assert.equal(changed?.action, 'changed');
      assert.deepEqual(Object.keys(changed?.changedData ?? {}).sort(), ['remark', 'updated_at']);
      assert.deepEqual(changed?.changedData?.remark, { old: '', new: '2/4' });

      const deleting = request();
      await deleting.delete(plan);
      const [deleted] = dataOf(deleting);
      assert.equal(deleted?.action, 'deleted');
      assert.deepEqual(Object.keys(deleted?.changedData ?? {}).sort(), Object.keys(plan.row).sort());
      assert.deepEqual(deleted?.changedData?.remark, { old: '2/4' });
    });

    it('keep the first action and the latest change of each field, one row per object', async () => {
      const both = request();
      const plan = await both.create(MODELS.plan, { project_id: 1, remark: '1/4' });
      await both.save(plan, { remark: '2/4' });
      const log = dataOf(both);
      assert.equal(log.length, 1);
      assert.equal(log[0]?.action, 'added');
      assert.deepEqual(log[0]?.changedData?.remark, { old: '1/4', new: '2/4' });
    });

    it('remember what a savepoint took back', async () => {
      const nested = request();
      await nested.atomic(async () => {
        await nested.create(MODELS.plan, { project_id: 1 });
        return 'roll back';
      });
      assert.deepEqual(nested.changes, []);
      assert.deepEqual(
        dataOf(nested).map(({ action }) => action),
        ['added'],
      );
    });

    it('come one for each row that goes with its parent, children first', async () => {
      const creating = request();
      const inventory = await creating.create(MODELS.inventory, { project_id: 1 });
      const plan = await creating.create(MODELS.plan, { project_id: 1 });
      const item = await creating.create(MODELS.item, { pm_master_id: plan.id, inventory_id: inventory.id });
      const deleting = request();
      await deleting.delete(plan);
      assert.deepEqual(
        deleting.logRows.map(({ model, objectId, action }) => ({ model, objectId, action })),
        [
          { model: 'item', objectId: item.id, action: 'deleted' },
          { model: 'plan', objectId: plan.id, action: 'deleted' },
        ],
      );
    });

    it('can be written by hand, sensible or not', async () => {
      const id = await logRow(client, { model: 'project', objectId: 'no number', action: 'deleted' });
      const { rows } = await client.query(
        'select object_id, content_type_id, action from models_logging_change where id = $1',
        [id],
      );
      assert.deepEqual(rows, [{ object_id: 'no number', content_type_id: 7, action: 'deleted' }]);
    });
  });
});

interface LoggedRow {
  id: number;
  object_id: string;
  content_type_id: number;
  action: string;
  object_repr: string;
  user_id: null;
  revision_id: null;
  extras: object;
  changed_data: Record<string, { old?: unknown; new?: unknown }>;
}

async function countOf(database: pg.Pool, query: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(`select count(*)::int from (${query}) as counted`);
  return rows[0]?.count ?? 0;
}

/** A digest of every table's rows. */
async function contentsOf(database: pg.Pool): Promise<Record<string, string>> {
  const tables = [...Object.values(MODELS).map(({ table }) => table), 'models_logging_change'];
  const digests = tables.map(async (table) => {
    const { rows } = await database.query<{ digest: string }>(
      `select md5(string_agg(t::text, '|' order by id)) as digest from ${table} as t`,
    );
    return [table, rows[0]?.digest ?? ''] as const;
  });
  return Object.fromEntries(await Promise.all(digests));
}

function keyOf({ model, id }: Change): string {
  return `${MODELS[model].contentTypeId} ${id}`;
}

async function loggedKeys(database: pg.Pool, action = '%'): Promise<Set<string>> {
  const { rows } = await database.query<{ key: string }>(
    `select content_type_id || ' ' || object_id as key from new_log where action like $1`,
    [action],
  );
  return new Set(rows.map(({ key }) => key));
}

/** A clock that moves a second whenever it is asked. */
function tickingClock(): () => Date {
  let ms = Date.UTC(2026, 0, 1);
  return () => {
    ms += 1000;
    return new Date(ms);
  };
}
