import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { READER_ROLE } from '../../smartapp/create-smartapp.ts';
import { countOf, digestsOf, READER_PASSWORD, useSampleServer } from '../../support/sample-server.ts';

const READER_ROLE_SQL = new URL('../../../sql/source/reader-role.sql', import.meta.url);

/** Statements that need a right which the role lacks: they change something, or read what is not configured. */
const FORBIDDEN = [
  'insert into app_project default values',
  'update app_project set id = 1',
  'delete from app_project',
  'truncate models_logging_change',
  `insert into models_logging_change (object_id, content_type_id, action) values ('1', 1, 'changed')`,
  'update django_content_type set id = 1',
  'with gone as (delete from app_company returning *) select * from gone',
  'select * from app_project for update',
  'lock table app_project in exclusive mode',
  `do $$ begin execute 'delete from app_project'; end $$`,
  `select nextval('models_logging_change_id_seq')`,
  `select setval('models_logging_change_id_seq', 1)`,
  'create table mine (id int)',
  'create table mine as select * from pmr_project',
  'select * into mine from pmr_project',
  'create schema mine',
  'create view mine as select 1',
  `create function mine() returns int language sql as 'select 1'`,
  'create sequence mine',
  'create type mine as (a int)',
  'create extension pg_trgm',
  'create role mine',
  'create database mine',
  'create publication mine',
  `create trigger mine before insert on app_project execute function suppress_redundant_updates_trigger()`,
  'alter table app_project add column mine int',
  'drop table app_project',
  `comment on table app_project is 'mine'`,
  `alter role ${READER_ROLE} superuser`,
  `alter role ${READER_ROLE} bypassrls`,
  'set role postgres',
  'set session authorization postgres',
  `alter system set log_statement = 'all'`,
  'checkpoint',
  'select * from auth_user',
  'select * from private.secret',
  'select private.tell()',
  'select rolpassword from pg_authid',
  'select * from pg_largeobject',
  `select pg_read_file('/etc/passwd')`,
  `select pg_ls_dir('.')`,
  `select lo_import('/etc/passwd')`,
  `select lo_export(1, '/tmp/mine')`,
  `copy pmr_project to '/tmp/mine'`,
  `copy pmr_project to program 'cat'`,
  `copy app_project from program 'echo'`,
  `copy app_project from '/etc/passwd'`,
  'select pg_reload_conf()',
  'select pg_switch_wal()',
  `select pg_create_physical_replication_slot('mine')`,
  `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'`,
];
/** What PostgreSQL lets every role do, until the operator runs the optional lines of reader-role.sql. */
const OF_EVERYBODY = [
  'create temporary table mine (id int)',
  'select lo_create(0)',
  `select lo_from_bytea(0, 'x')`,
];

describe('the role that reads the source', () => {
  const server = useSampleServer();
  let database: pg.Pool;
  let reader: pg.Pool;

  before(async () => {
    const made = await server.create('sample');
    database = made.database;
    const url = Object.assign(new URL(made.url), {
      username: READER_ROLE,
      password: encodeURIComponent(READER_PASSWORD),
    });
    reader = new pg.Pool({ connectionString: url.href, max: 2 });
    reader.on('error', () => undefined);
    await database.query(`
      create schema private;
      create table private.secret (id int);
      create function private.tell() returns int language sql security definer as 'select count(*)::int from private.secret'`);
  });
  after(() => reader.end());

  /** Tries a statement as an attacker would: in a transaction that may write. */
  async function attempt(statement: string): Promise<void> {
    const client = await reader.connect();
    try {
      await client.query('begin read write');
      await client.query(statement);
      await client.query('commit');
    } finally {
      await client.query('rollback');
      client.release();
    }
  }

  it('I12 can do nothing but read', async () => {
    const before = await digestsOf(database);

    const done: string[] = [];
    for (const statement of FORBIDDEN) {
      const failure = await attempt(statement).then(
        () => ({ code: undefined, message: 'was done' }),
        (error: { code?: string; message: string }) => error,
      );
      // PostgreSQL refuses some statements inside any transaction: they are tried without one below.
      if (failure.code === '42501' || failure.code === '25001') continue;
      done.push(`${statement}: ${failure.code} ${failure.message}`);
    }
    assert.deepEqual(done, []);
    for (const statement of ['create database mine', `alter system set log_statement = 'all'`]) {
      await assert.rejects(reader.query(statement), { code: /^(42501|25006)$/ }, `${statement} was done`);
    }

    assert.deepEqual(await digestsOf(database), before);
  });

  it('I12 loses the rights of every role if the operator revokes them as reader-role.sql says', async () => {
    const name = (await database.query('select current_database() as name')).rows[0].name as string;
    const text = await readFile(READER_ROLE_SQL, 'utf8');
    const revocations = [...text.matchAll(/^-- (revoke .*;)$/gm)].map(([, statement]) => statement ?? '');
    assert.equal(revocations.length, 3);
    for (const statement of revocations) await database.query(statement.replace('smartapp', name));

    for (const statement of OF_EVERYBODY) await assert.rejects(attempt(statement), { code: '42501' });

    assert.equal(await countOf(database, 'select from pg_largeobject_metadata'), 0);
  });

  it('I12 gets its rights, and loses them, from an owner who may not create roles', async () => {
    const { database: owned } = await server.create('sample');
    const client = await owned.connect();
    const rights = `select 'may' from information_schema.role_table_grants where grantee = '${READER_ROLE}'`;
    try {
      await client.query(`create role ordinary_owner`);
      await client.query(`do $$ declare relation regclass; begin
        for relation in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') loop
          execute format('alter table %s owner to ordinary_owner', relation);
        end loop; end $$`);
      await client.query('set role ordinary_owner');
      await assert.rejects(client.query('create role mine'), { code: '42501' });

      // As terraform/README.md removes the role, and then as it deploys.
      await client.query(`revoke all on all tables in schema public from ${READER_ROLE}`);
      await client.query(`revoke all on all sequences in schema public from ${READER_ROLE}`);
      assert.equal(await countOf(owned, rights), 0);
      await client.query(await readFile(READER_ROLE_SQL, 'utf8'));
      assert.ok((await countOf(owned, rights)) > 10);
    } finally {
      client.release();
    }
  });

  it('I12 gets the sequence of the log under whatever name, and keeps its rights on a view that is made again', async () => {
    const { database: renamed } = await server.create('sample');
    const client = await renamed.connect();
    try {
      // As django-models-logging leaves it on installations that it upgraded.
      await client.query(
        'alter sequence models_logging_change_id_seq rename to models_logging_changes_id_seq',
      );
      await client.query(`revoke all on sequence models_logging_changes_id_seq from ${READER_ROLE}`);
      await client.query(await readFile(READER_ROLE_SQL, 'utf8'));
      const { rows } = await client.query(
        `select has_sequence_privilege('${READER_ROLE}', 'models_logging_changes_id_seq', 'select') as "mayRead",
           has_sequence_privilege('${READER_ROLE}', 'models_logging_changes_id_seq', 'usage') as "mayDraw"`,
      );
      assert.deepEqual(rows, [{ mayRead: true, mayDraw: false }]);

      await client.query(
        'drop view pmr_project; create view pmr_project as select id as project_id from app_project',
      );
      const view = await client.query(
        `select has_table_privilege('${READER_ROLE}', 'pmr_project', 'select') as "mayRead",
           has_table_privilege('${READER_ROLE}', 'pmr_project', 'insert, update, delete') as "mayWrite"`,
      );
      assert.deepEqual(view.rows, [{ mayRead: true, mayWrite: false }]);
    } finally {
      client.release();
    }
  });

  it('I12 can be removed as terraform/README.md says', async () => {
    const { database: removed } = await server.create('sample');
    const readme = await readFile(new URL('../../../terraform/README.md', import.meta.url), 'utf8');
    const statements = [...readme.matchAll(/-c '((?:revoke|alter default)[^']* from smartapp_reader)'/g)];
    assert.equal(statements.length, 4);
    for (const [, statement = ''] of statements) await removed.query(statement);

    const { rows } = await removed.query(
      `select count(*)::int as left from pg_shdepend d join pg_database b on b.oid = d.dbid and b.datname = current_database()
       where d.refobjid = '${READER_ROLE}'::regrole`,
    );
    assert.deepEqual(rows, [{ left: 0 }]);
  });

  it('I12 is a member of no role and owns nothing', async () => {
    const { rows } = await database.query(
      `select (select count(*) from pg_auth_members where member = r.oid)::int as memberships,
         (select count(*) from pg_class where relowner = r.oid)::int as relations,
         (select count(*) from pg_shdepend where refobjid = r.oid and deptype = 'o')::int as owned,
         rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls or rolinherit as "hasAttributes"
       from pg_roles r where rolname = $1`,
      [READER_ROLE],
    );
    assert.deepEqual(rows, [{ memberships: 0, relations: 0, owned: 0, hasAttributes: false }]);
  });
});
