import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createSmartApp, READER_ROLE } from '../../smartapp/create-smartapp.ts';
import { countOf, digestsOf, READER_PASSWORD, SCALE, useSampleServer } from '../../support/sample-server.ts';

const VIEWS = ['pmr_project', 'pmr_inventory', 'pmr_pm_plan', 'pmr_pm_item', 'xyz_incident'];

describe('SMartApp', () => {
  const server = useSampleServer();

  afterEach(() => server.disconnect());

  describe('the sample data', () => {
    it('have the production sizes, multiplied by the scale', async () => {
      const database = server.connect();
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

    it('have rows that the views leave out, so that rows can enter the views', async () => {
      const database = server.connect();
      assert.equal(await countOf(database, 'select from app_project where is_dummy'), 1);
      assert.equal(await countOf(database, 'select from app_inventory where is_dummy'), 17);
      assert.equal(await countOf(database, 'select from app_incident where incident_status_id = 3'), 33);
    });

    it('have no row that refers to a missing row', async () => {
      const database = server.connect();
      const { rows } = await database.query<{ child: string; parent: string; name: string }>(`
        select conrelid::regclass as child, confrelid::regclass as parent, attname as name
        from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1] where contype = 'f'`);
      assert.ok(rows.length > 20);
      for (const { child, parent, name } of rows) {
        const orphans = `select from ${child} c where ${name} is not null and not exists (select from ${parent} p where p.id = c.${name})`;
        assert.equal(await countOf(database, orphans), 0, `${child}.${name}`);
      }
    });

    it('have texts that break careless formats, and both empty texts and NULL', async () => {
      const [varieties] = (
        await server.connect().query(`
          select bool_or(text like '%"%') and bool_or(text like '%''%') as quotes, bool_or(text like E'%\\\\%') as backslash,
                 bool_or(text like E'%\\t%') and bool_or(text like E'%\\n%') and bool_or(text like E'%\\r%') as controls,
                 bool_or(text like '%🔧%') as emoji, bool_or(text ~ '[ก-๙]') as thai, bool_or(text = '') as empty, bool_or(text is null) as null
          from (select serial_number from pmr_inventory union all select pm_period from pmr_pm_plan
                union all select brand from pmr_inventory union all select model from pmr_inventory
                union all select remark from app_pm_inventory) as t (text)`)
      ).rows;
      assert.deepEqual(new Set(Object.values(varieties)), new Set([true]));
    });

    it('fit the partition limits of the targets: the partitions of one load, and the date range for streaming', async () => {
      const database = server.connect();
      for (const [view, column] of [
        ['pmr_project', 'project_start'],
        ['pmr_pm_plan', 'planned_date'],
        ['pmr_inventory', 'customer_warranty_start'],
      ]) {
        const months = await countOf(database, `select from ${view} group by date_trunc('month', ${column})`);
        assert.ok(months > 5 && months < 300, `${view} has ${months} months`);
        assert.ok(
          (await countOf(database, `select from ${view} where ${column} is null`)) > 0,
          `${view} has rows without a date`,
        );
      }
      const tooOld = `select from xyz_incident where open_datetime < '2019'`;
      assert.equal(await countOf(database, tooOld), 0);
    });

    it('have a log with many content types and all actions, with holes in its ids', async () => {
      const database = server.connect();
      const { rows } = await database.query(`
        select count(distinct content_type_id)::int as types, count(distinct action)::int as actions,
               max(id) - min(id) + 1 > count(*) as has_holes, (select last_value from models_logging_change_id_seq) = max(id) as continues
        from models_logging_change`);
      assert.deepEqual(rows, [{ types: 9, actions: 3, has_holes: true, continues: true }]);
    });

    it('are the same for the same seed and differ for another seed', async () => {
      const [first, repeated, other] = await Promise.all(
        [7, 7, 8].map(async (seed) => {
          const { url, database } = await server.create('nothing');
          await createSmartApp(url, { scale: 0.005, seed });
          return digestsOf(database);
        }),
      );
      assert.deepEqual(first, repeated);
      assert.notDeepEqual(first, other);
    });

    it('are created completely or not at all', async () => {
      const { url, database } = await server.create('nothing');
      await database.query('create table app_incident (mine int)');
      await assert.rejects(createSmartApp(url, { scale: SCALE }), { code: '42P07' });
      assert.equal(await countOf(database, `select from pg_tables where schemaname = 'public'`), 1);
    });
  });

  describe('the reader role', () => {
    const READABLE = [
      ...VIEWS,
      ...['app_project', 'app_inventory', 'app_preventivemaintenance', 'app_pm_inventory', 'app_incident'],
      ...['app_company', 'app_brand', 'app_model', 'app_product_type', 'app_employee'],
      ...['app_incident_type', 'app_service_type', 'app_incident_severity', 'app_incident_status'],
      ...['models_logging_change', 'django_content_type', 'models_logging_change_id_seq'],
    ];

    it('can read exactly the configured tables and views (I12)', async () => {
      const reader = server.connect(READER_ROLE, READER_PASSWORD);
      const readable = await reader.query<{ name: string }>(`
        select oid::regclass::text as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S')
          and case relkind when 'S' then has_sequence_privilege(oid, 'select') else has_table_privilege(oid, 'select') end`);
      assert.deepEqual(readable.rows.map(({ name }) => name).sort(), READABLE.toSorted());
      for (const name of READABLE) await reader.query(`select * from ${name} limit 1`);
      await assert.rejects(reader.query('select * from auth_user'), { code: '42501' });
    });

    it('cannot write (I12)', async () => {
      const reader = server.connect(READER_ROLE, READER_PASSWORD);
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

    it('and the views can be set up again', async () => {
      const { database } = await server.create('sample');
      for (const name of [...VIEWS, 'reader-role', 'recommended-index']) {
        await database.query(
          await readFile(new URL(`../../../sql/source/${name}.sql`, import.meta.url), 'utf8'),
        );
      }
    });
  });
});
