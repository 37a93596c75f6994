import assert from 'node:assert/strict';
import pg from 'pg';
import { logScript } from '../../../cli/change-log/log-script.ts';
import { removalScript } from '../../../cli/change-log/removal-script.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { SCHEMA, SHOP, ShopLog, VIEWS } from './shop.ts';

const [A, B, C] = [1, 2, 3].map((n) => `00000000-0000-0000-0000-00000000000${n}`);
const CUSTOMER = `${SCHEMA}."ลูกค้า'x"`;
const ID = '"รหัส ""1"""';
const [ORDER, COUNTRY, READING, MACHINE] = ['"order"', 'country', 'reading', 'machine'].map(
  (table) => `${SCHEMA}.${table}`,
);

describe('the script of a change log', () => {
  let postgres: Postgres;
  let shop: ShopLog;
  let databases = 0;

  before(async () => {
    postgres = await startPostgres();
    const server = new pg.Client({ connectionString: postgres.url() });
    await server.connect();
    await server.query('create database template_shop');
    await server.end();
    await new ShopLog((role) => urlOf('template_shop', role)).as('postgres', SHOP);
  });
  after(() => postgres.stop());

  const urlOf = (database: string, role: string) =>
    role === 'postgres' ? postgres.url(database) : postgres.url(database, role, 'trusted');

  beforeEach(async () => {
    databases += 1;
    const name = `shop_${databases}`;
    const server = new pg.Client({ connectionString: postgres.url() });
    await server.connect();
    if (databases === 1)
      await server.query(
        `alter role shop_owner password 'trusted'; alter role shop_app password 'trusted'; alter role shop_reader password 'trusted'`,
      );
    await server.query(`create database ${name} template template_shop`);
    await server.end();
    shop = new ShopLog((role) => urlOf(name, role));
    await shop.make();
    await shop.logged();
  });

  const app = (sql: string) => shop.as('shop_app', sql);
  const owner = (sql: string) => shop.as('shop_owner', sql);
  const sorted = async () => (await shop.logged()).sort();

  it('logs each row of a statement once, whatever wrote it, in its transaction', async () => {
    await app(`insert into ${ORDER} select n, null, 'new' from generate_series(1, 3) n`);
    assert.deepEqual(await shop.logged(), ['order added 1', 'order added 2', 'order added 3']);

    await app(`update ${ORDER} set note = 'old' where id < 3`);
    assert.deepEqual(await sorted(), ['order changed 1', 'order changed 2']);

    await app(`delete from ${ORDER} where id > 1`);
    assert.deepEqual(await sorted(), ['order deleted 2', 'order deleted 3']);

    await app(`update ${ORDER} set note = '' where false; delete from ${ORDER} where false`);
    await app(`begin; insert into ${ORDER} values (9); rollback`);
    assert.deepEqual(await shop.logged(), []);
  });

  it('logs COPY, upserts, statements in a WITH, and rows of savepoints that were kept', async () => {
    await app(`insert into ${ORDER} values (1, null, 'one')`);
    await shop.logged();

    await app(
      `insert into ${ORDER} values (1, null, 'uno'), (2, null, 'two') on conflict (id) do update set note = excluded.note`,
    );
    assert.deepEqual(await sorted(), ['order added 2', 'order changed 1']);

    await app(
      `with gone as (delete from ${ORDER} where id = 1 returning id) insert into ${ORDER} select id + 10 from gone`,
    );
    assert.deepEqual(await sorted(), ['order added 11', 'order deleted 1']);

    await app(`begin; insert into ${ORDER} values (20); savepoint a; insert into ${ORDER} values (21);
      savepoint b; insert into ${ORDER} values (22); rollback to b; release a; commit`);
    assert.deepEqual(await sorted(), ['order added 20', 'order added 21']);

    // Only a superuser may read a program; the triggers are those of any COPY.
    await shop.as('postgres', `copy ${ORDER} (id) from program 'printf "30\\n31\\n"'`);
    assert.deepEqual(await sorted(), ['order added 30', 'order added 31']);
  });

  it('logs both keys of a row whose key changes, also when keys change places', async () => {
    await app(`insert into ${ORDER} values (1, null, 'a'), (2, null, 'b'), (3, null, 'c')`);
    await shop.logged();
    await app(`update ${ORDER} set id = 7 where id = 1`);
    assert.deepEqual(await sorted(), ['order changed 1', 'order changed 7']);
    await app(`update ${ORDER} set id = id + 100`);
    assert.deepEqual(await sorted(), [2, 3, 7, 102, 103, 107].map((id) => `order changed ${id}`).sort());
  });

  it('logs what the database itself does: cascades and foreign keys that become NULL', async () => {
    await app(`insert into ${COUNTRY} values ('TH', 'Thailand'), ('DE', 'Germany');
      insert into ${CUSTOMER} (${ID}, country) values ('${A}', 'TH'), ('${B}', 'TH'), ('${C}', 'DE');
      insert into ${ORDER} (id, customer) values (1, '${A}'), (2, '${C}')`);
    await shop.logged();

    await app(`delete from ${COUNTRY} where code = 'TH'`);
    assert.deepEqual(await sorted(), ['country deleted TH', `ลูกค้า'x changed ${A}`, `ลูกค้า'x changed ${B}`]);
    await app(`update ${COUNTRY} set code = 'GER'`);
    assert.deepEqual(await sorted(), ['country changed DE', 'country changed GER', `ลูกค้า'x changed ${C}`]);
    await app(`delete from ${CUSTOMER}`);
    assert.deepEqual(
      await sorted(),
      [
        `ลูกค้า'x deleted ${A}`,
        `ลูกค้า'x deleted ${B}`,
        `ลูกค้า'x deleted ${C}`,
        'order deleted 1',
        'order deleted 2',
      ].sort(),
    );
  });

  describe('on a partitioned table', () => {
    const rows = `(1, '2024-05-01', 0), (2, '2025-02-01', 0), (3, '2025-09-01', 0)`;

    it('logs once what goes through the table, and what goes to a partition at any depth', async () => {
      await app(`insert into ${READING} values ${rows}`);
      assert.deepEqual(await sorted(), ['reading added 1', 'reading added 2', 'reading added 3']);
      await app(`update ${READING} set value = 1`);
      assert.deepEqual(await sorted(), ['reading changed 1', 'reading changed 2', 'reading changed 3']);
      await app(`update ${SCHEMA}.reading_2025 set value = 2`);
      assert.deepEqual(await sorted(), ['reading changed 2', 'reading changed 3']);
      await app(
        `update ${SCHEMA}.reading_2025_b set value = 3; insert into ${SCHEMA}.reading_2024 values (4, '2024-06-01')`,
      );
      assert.deepEqual(await sorted(), ['reading added 4', 'reading changed 3']);
      await app(`delete from ${SCHEMA}.reading_2025_a`);
      assert.deepEqual(await sorted(), ['reading deleted 2']);
    });

    it('logs a row that moves to another partition once, and both keys if its key changes with it', async () => {
      await app(`insert into ${READING} values ${rows}`);
      await shop.logged();
      await app(`update ${READING} set taken = '2025-12-31' where id = 1`);
      assert.deepEqual(await sorted(), ['reading changed 1']);
      await app(`update ${READING} set taken = '2024-12-31', id = 8 where id = 1`);
      assert.deepEqual(await sorted(), ['reading changed 1', 'reading changed 8']);
    });

    it('asks for one resync when it or a partition is truncated', async () => {
      await app(`insert into ${READING} values ${rows}`);
      await shop.logged();
      await app(`truncate ${READING}`);
      assert.deepEqual(await shop.logged(), ['reading resync ']);
      await app(`truncate ${SCHEMA}.reading_2025_b`);
      assert.deepEqual(await shop.logged(), ['reading resync ']);
    });

    it('gets the triggers of a new partition by another run, which asks for no resync', async () => {
      await owner(`create table ${SCHEMA}.reading_2026 partition of ${SCHEMA}.reading for values from ('2026-01-01') to ('2027-01-01');
        grant all on ${SCHEMA}.reading_2026 to shop_app`);
      await app(`insert into ${READING} values (5, '2026-05-01')`);
      assert.deepEqual(await shop.logged(), ['reading added 5']);
      await shop.make();
      await app(`update ${SCHEMA}.reading_2026 set value = 1`);
      assert.deepEqual(await shop.logged(), ['reading changed 5']);
    });
  });

  it('logs the rows of tables that inherit, once, whichever table a statement names', async () => {
    await app(
      `insert into ${MACHINE} values (1, 'mill'); insert into ${SCHEMA}.crane values (2, 'crane', 10)`,
    );
    assert.deepEqual(await shop.logged(), ['machine added 1', 'machine added 2']);
    await app(`update ${MACHINE} set name = 'x'`);
    assert.deepEqual(await sorted(), ['machine changed 1', 'machine changed 2']);
    await app(`truncate ${MACHINE}`);
    assert.deepEqual(await shop.logged(), ['machine resync ']);
  });

  it('asks for resyncs of all tables that a TRUNCATE empties, and of none if it is rolled back', async () => {
    await app(`begin; truncate ${ORDER}; rollback`);
    assert.deepEqual(await shop.logged(), []);
    await app(`begin; truncate ${ORDER}; savepoint a; truncate ${COUNTRY} cascade; commit`);
    assert.deepEqual(await sorted(), ['country resync ', 'order resync ', "ลูกค้า'x resync "].sort());
  });

  it('needs no right of the application on the log, and gives it none', async () => {
    for (const sql of [
      'select from datahub_change_log',
      `insert into datahub_change_log (object_id, content_type_id, action) values ('1', 1, 'added')`,
      'select from datahub_content_type',
      'create table mine (id int); create trigger t after insert on mine execute function datahub_log_1_insert()',
    ]) {
      await assert.rejects(app(sql), { code: '42501' }, sql);
    }
    const { rows } = await shop.as(
      'shop_reader',
      `select p.prosecdef, p.proconfig, pg_get_userbyid(p.proowner) as owner, has_function_privilege('public', p.oid, 'execute') as public
       from pg_proc p where proname ~ '^datahub_log_'`,
    );
    assert.equal(rows.length, 24);
    for (const row of rows) {
      assert.deepEqual(row, {
        prosecdef: true,
        proconfig: ['search_path=pg_catalog, pg_temp'],
        owner: 'shop_owner',
        public: false,
      });
    }
    await shop.as('shop_reader', 'select * from datahub_change_log; select * from datahub_content_type');
    await assert.rejects(shop.as('shop_reader', 'delete from datahub_change_log'), { code: '42501' });
  });

  it('that a superuser runs leaves everything to the owner of the tables', async () => {
    await shop.remove();
    await shop.as('postgres', logScript(await shop.plan()));
    const { rows } = await shop.as(
      'postgres',
      `select distinct pg_get_userbyid(owner) as owner from (
         select proowner from pg_proc where proname ~ '^datahub_log_' union all select relowner from pg_class where relname ~ '^datahub_') o (owner)`,
    );
    assert.deepEqual(rows, [{ owner: 'shop_owner' }]);
  });

  it('belongs to a role of its own where the tables have several owners, and logs all of them', async () => {
    await shop.remove();
    await shop.as('postgres', `create role other_owner; alter table ${SCHEMA}.machine owner to other_owner`);
    try {
      const plan = await shop.plan();
      assert.equal(plan.owner, null);
      await shop.as('postgres', logScript(plan));
      await shop.as('postgres', logScript(plan));
      const { rows } = await shop.as(
        'postgres',
        `select distinct pg_get_userbyid(owner) as owner from (
           select proowner from pg_proc where proname ~ '^datahub_log_' union all select relowner from pg_class where relname ~ '^datahub_') o (owner)`,
      );
      assert.deepEqual(rows, [{ owner: 'datahub_log' }]);
      const { rows: roles } = await shop.as(
        'postgres',
        `select rolsuper, rolcanlogin, rolcreaterole from pg_roles where rolname = 'datahub_log'`,
      );
      assert.deepEqual(roles, [{ rolsuper: false, rolcanlogin: false, rolcreaterole: false }]);
      await shop.logged();
      await app(
        `insert into ${ORDER} values (7); insert into ${SCHEMA}.machine values (8, 'press'); truncate ${ORDER}`,
      );
      assert.deepEqual(await shop.logged(), ['order added 7', 'machine added 8', 'order resync ']);
    } finally {
      await shop.as('postgres', removalScript(await shop.plan()));
      await shop.as('postgres', `alter table ${SCHEMA}.machine owner to shop_owner; drop role other_owner`);
      await shop.make();
    }
  });

  it('uses names of its own schema whatever the application puts into its search path', async () => {
    await app(`create temporary table datahub_change_log (id int); create temporary table new_rows (id int);
      create function pg_temp.format(text, variadic text[]) returns text language sql as 'select 1 / 0';
      set search_path = pg_temp, public; insert into ${ORDER} values (1); truncate ${ORDER}`);
    assert.deepEqual(await shop.logged(), ['order added 1', 'order resync ']);
  });

  it('can be run twice: nothing changes, and no row is logged twice or asks for a resync', async () => {
    const before = await shop.plan();
    assert.deepEqual(await shop.make(), before);
    await app(`insert into ${ORDER} values (1)`);
    assert.deepEqual(await shop.logged(), ['order added 1']);
  });

  it('adds the tables of further views, and keeps the content types of the others', async () => {
    await shop.remove();
    const few = await shop.make(VIEWS.slice(1, 2));
    await app(`insert into ${ORDER} values (1)`);
    const all = await shop.make();
    assert.deepEqual(
      all.tables.find(({ keyColumn, name }) => keyColumn === 'id' && name === few.tables[0]?.name),
      few.tables[0],
    );
    await app(`insert into ${MACHINE} values (1, 'mill')`);
    const lines = await shop.logged();
    assert.ok(lines.includes('order added 1') && lines.includes('machine added 1'));
    // Of the first run and of the second: a table that is logged from now on was not logged before.
    assert.equal(lines.filter((line) => line.endsWith(' resync ')).length, 5);
  });

  it('enables triggers that were disabled, and asks for a resync, also when somebody enabled them again', async () => {
    await owner(`alter table ${ORDER} disable trigger user`);
    await app(`insert into ${ORDER} values (1)`);
    await owner(
      `alter table ${ORDER} enable trigger user; alter table ${SCHEMA}.reading_2024 disable trigger user`,
    );
    await shop.make();
    assert.deepEqual(await sorted(), ['order resync ', 'reading resync ']);
    await app(`insert into ${ORDER} values (2)`);
    assert.deepEqual(await shop.logged(), ['order added 2']);
  });

  it('logs sessions with session_replication_role = replica, too', async () => {
    await shop.as('postgres', `set session_replication_role = replica; insert into ${ORDER} values (1)`);
    assert.deepEqual(await shop.logged(), ['order added 1']);
  });

  it('refuses a table of another origin that has its name, and changes nothing', async () => {
    await shop.remove();
    const plan = await shop.plan();
    await owner('create table datahub_change_log (id int)');
    await assert.rejects(
      owner(logScript(plan)),
      /datahub_change_log.* exists, and is not a table of SMart DataHub/,
    );
    await app(`insert into ${ORDER} values (1)`);
  });

  it('waits for no busy table for longer than PostgreSQL takes to look for deadlocks, and then changes nothing', async () => {
    await shop.remove();
    const plan = await shop.plan();
    await shop.with('shop_app', async (client) => {
      await client.query(`begin; insert into ${ORDER} values (1)`);
      await assert.rejects(owner(logScript(plan)), { code: '55P03' });
      await client.query('commit');
    });
    await owner(logScript(plan));
  });

  it('is removed by its counterpart, with the triggers of partitions that came later, and can be made again', async () => {
    await owner(
      `create table ${SCHEMA}.reading_2027 partition of ${SCHEMA}.reading for values from ('2027-01-01') to ('2028-01-01')`,
    );
    await shop.make();
    await shop.remove();
    const { rows } = await shop.as(
      'postgres',
      `select tgname as name from pg_trigger where tgname like 'datahub%' union all select proname from pg_proc where proname like 'datahub%'
       union all select relname from pg_class where relname like 'datahub%'`,
    );
    assert.deepEqual(rows, []);
    await shop.remove();
    await app(`insert into ${ORDER} values (1)`);
    await shop.make();
  });

  it('deadlocks no writers that would not deadlock without it', async () => {
    await app(`insert into ${ORDER} select n from generate_series(1, 200) n`);
    await shop.logged();
    const writers = Array.from({ length: 6 }, (_, writer) =>
      shop.with('shop_app', async (client) => {
        for (let round = 0; round < 15; round += 1) {
          await client.query(
            `begin; update ${ORDER} set note = '${round}' where id % 6 = ${writer}; insert into ${MACHINE} values (${writer * 1000 + round}, ''); commit`,
          );
        }
      }),
    );
    await Promise.all(writers);
    assert.equal((await shop.logged()).length, 200 * 15 + 6 * 15);
  });
});
