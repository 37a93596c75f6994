import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { findContentTypes } from '../../../shared/source/content-types.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { badKeysAmong } from '../../../shared/source/key-type.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE, CONTENT_TYPE_TABLE, useSource } from './use-source.ts';

const SCHEMA = `
  create table company (id integer primary key, name text, fax text, updated_at timestamptz);
  create table item (id bigint primary key, name text, note text, fax text, is_hidden boolean, code varchar(20),
    company_id integer, updated_at timestamptz);
  create view item_view as select id as item_id, name, updated_at from item;
  create view "Odd ""View" as select id as "Item Id", name as "ชื่อ" from item;`;

describe('describing a view', () => {
  const source = useSource(SCHEMA);

  const describeItems = (differing: Partial<ViewSource> = {}): Promise<SourceView> =>
    describeView(source.pool, makeViewSource(differing), CONTENT_TYPE_TABLE);

  async function describeQuery(query: string, differing: Partial<ViewSource> = {}): Promise<SourceView> {
    await source.pool.query(`drop view if exists tried; create view tried as ${query}`);
    return await describeItems({ name: 'tried', ...differing });
  }

  const trackedBy = async (query: string, differing: Partial<ViewSource> = {}): Promise<string[]> =>
    (await describeQuery(query, differing)).logged[0]?.trackedColumns ?? [];

  const isFault =
    (...faults: RegExp[]) =>
    (error: unknown) => {
      assert.ok(error instanceof DataHubError);
      assert.equal(error.kind, 'configuration', error.message);
      for (const fault of faults) assert.match(error.message, fault);
      assert.equal(error.message.split('; ').length, faults.length, error.message);
      return true;
    };

  it('returns the columns in the order of the view, with a REQUIRED key and without updated_at', async () => {
    const { shape } = await describeItems();
    assert.deepEqual(shape, {
      view: 'item_view',
      target: 'item',
      loadType: 'merge',
      keyColumn: 'item_id',
      columns: [
        { name: 'item_id', type: 'INT64', mode: 'REQUIRED' },
        { name: 'name', type: 'STRING', mode: 'NULLABLE' },
      ],
    });
  });

  it('takes an enum for a text, whatever its name', async () => {
    await source.pool.query(
      `create schema odd; create type odd.date as enum ('a'); create type odd."toString" as enum ('b')`,
    );
    const { shape } = await describeQuery(
      `select id as item_id, null::odd.date as day, null::odd."toString" as other from item`,
    );
    assert.deepEqual(
      shape.columns.map(({ type }) => type),
      ['INT64', 'STRING', 'STRING'],
    );
  });

  it('accepts names with quotes, spaces and any letters', async () => {
    const { relation, columns } = await describeItems({ name: 'Odd "View', keyColumn: 'Item Id' });
    assert.equal(relation, 'public."Odd ""View"');
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['Item Id', 'ชื่อ'],
    );
  });

  it('accepts a table or partitioned table in place of a view, and tracks all its columns', async () => {
    await source.pool.query(`
      create table item_parts (item_id bigint primary key, part text) partition by range (item_id);
      create table item_plain (item_id bigint primary key, part text);`);
    for (const name of ['item_parts', 'item_plain']) {
      const { columns, logged } = await describeItems({ name, mainTable: name });
      assert.deepEqual(
        columns.map((column) => column.name),
        ['item_id', 'part'],
      );
      assert.deepEqual(logged[0]?.trackedColumns, ['item_id', 'part']);
    }
  });

  it('refuses a materialized view, because its refresh writes no log rows', async () => {
    await source.pool.query('create materialized view item_kept as select id as item_id from item');
    await assert.rejects(describeItems({ name: 'item_kept' }), isFault(/is a materialized view/));
  });

  it('refuses a content type id that now belongs to another model', async () => {
    const contentTypeNames = { [CONTENT_TYPE.item]: 'app.thing' };
    await assert.rejects(
      describeItems({ contentTypeNames }),
      isFault(/content type 7 is now app.item, but was app.thing when the view source was imported/),
    );
    await describeItems({ contentTypeNames: { [CONTENT_TYPE.item]: 'app.item' } });
  });

  describe('names what does not exist:', () => {
    it('the view and the main table at once', async () => {
      await assert.rejects(
        describeItems({ name: 'no_view', mainTable: 'no_table' }),
        isFault(/view no_view does not exist/, /main table no_table does not exist/),
      );
    });

    it('a column of every configured kind, the content types and the lookups, all at once', async () => {
      await assert.rejects(
        describeItems({
          keyColumn: 'no_key',
          datetimeColumns: ['no_datetime'],
          nullDefaults: { no_default: 0 },
          unrepresentable: { no_policy: 'null' },
          foreignKeys: [{ column: 'no_foreign', references: 'x' }],
          partition: { column: 'no_partition', granularity: 'day' },
          clusterColumns: ['no_cluster'],
          reportColumn: 'no_report',
          trackedColumns: ['no tracked'],
          contentTypeId: 1234,
          lookups: [
            { table: 'company', contentTypeId: 4321, column: 'no_lookup' },
            { table: 'no_table', contentTypeId: CONTENT_TYPE.company, column: 'company_id' },
          ],
        }),
        isFault(
          /key column no_key does not exist in the view/,
          /datetime column no_datetime does not exist in the view/,
          /null_defaults column no_default does not exist in the view/,
          /unrepresentable column no_policy does not exist in the view/,
          /foreign key column no_foreign does not exist in the view/,
          /partition column no_partition does not exist in the view/,
          /cluster column no_cluster does not exist in the view/,
          /report column no_report does not exist in the view/,
          /tracked column no tracked does not exist in item/,
          /lookup column no_lookup does not exist in item/,
          /lookup table no_table does not exist/,
          /content type 1234 does not exist in django_content_type/,
          /content type 4321 does not exist in django_content_type/,
        ),
      );
    });

    it('an omitted column as a column of the target, updated_at by default', async () => {
      await assert.rejects(
        describeItems({ clusterColumns: ['updated_at'] }),
        isFault(/cluster column updated_at is one of the omitted columns, which the target does not get/),
      );
    });
  });

  describe('the key', () => {
    for (const [type, sqlType] of [
      ['smallint', 'smallint'],
      ['integer', 'integer'],
      ['bigint', 'bigint'],
      ['uuid', 'uuid'],
      ['text', 'text'],
      ['varchar(5)', 'text'],
    ] as const) {
      it(`may be ${type}`, async () => {
        const { keyType } = await describeQuery(`select null::${type} as item_id from item`);
        assert.equal(keyType.sqlType, sqlType);
      });
    }

    it('may be a domain over such a type', async () => {
      await source.pool.query('create domain item_number as integer check (value > 0)');
      const { keyType } = await describeQuery('select null::item_number as item_id from item');
      assert.equal(keyType.sqlType, 'integer');
    });

    it('may not be an enum, whatever its name', async () => {
      await source.pool.query(`create type "constructor" as enum ('a')`);
      await assert.rejects(
        describeQuery(`select null::"constructor" as item_id from item`),
        isFault(/key item_id has type constructor, but must have type smallint/),
      );
    });

    for (const type of ['numeric', 'date', 'double precision', 'bigint[]', 'jsonb']) {
      it(`may not be ${type}, and the error names the supported types`, async () => {
        await assert.rejects(
          describeQuery(`select null::${type} as item_id from item`),
          isFault(
            /key item_id has type [\w[\]]+, but must have type smallint, integer, bigint, uuid, text or varchar/,
          ),
        );
        await source.pool.query('drop view tried');
      });
    }

    it('needs a main table with a single-column primary key', async () => {
      await source.pool.query(`
        create table loose (id bigint); create table paired (id bigint, part int, primary key (id, part));`);
      for (const mainTable of ['loose', 'paired']) {
        await assert.rejects(
          describeItems({ mainTable }),
          isFault(/has no single-column primary key.*the role finds public\.\S+ under that name/),
        );
      }
    });

    it('has a type, and values of other types are found', async () => {
      const bad = await badKeysAmong(source.pool, (await describeItems()).keyType, [
        '1',
        ' 2 ',
        'x',
        '',
        '9'.repeat(19),
      ]);
      assert.deepEqual(bad, ['"x"', '""', `"${'9'.repeat(19)}"`]);
    });
  });

  describe('tracked columns', () => {
    it('are those of SELECT, WHERE and ORDER BY, but not updated_at', async () => {
      assert.deepEqual(
        await trackedBy(
          'select id as item_id, upper(name) as name, updated_at from item where not is_hidden order by code',
        ),
        ['code', 'id', 'is_hidden', 'name'],
      );
    });

    it('are those of joins, and those of a lookup on which the view depends', async () => {
      const { logged } = await describeQuery(
        'select i.id as item_id, c.name as company from item i left join company c on c.id = i.company_id',
        { lookups: [{ table: 'company', contentTypeId: CONTENT_TYPE.company, column: 'company_id' }] },
      );
      assert.deepEqual(
        logged.map(({ contentTypeIds, reference, trackedColumns }) => [
          contentTypeIds,
          reference?.foreignKey,
          trackedColumns,
        ]),
        [
          [[CONTENT_TYPE.item], undefined, ['company_id', 'id']],
          [[CONTENT_TYPE.company], 'company_id', ['id', 'name']],
        ],
      );
    });

    it('are found beside the way in which rows point at the lookup', async () => {
      await source.pool.query(`
        create table tenant (id integer primary key, code text unique);
        create table member (id bigint primary key, tenant_id integer not null references tenant,
          host_code text references tenant (code), guest_id integer);
        create view member_view as select id as item_id from member;`);
      const referenceBy = async (lookup: object) => {
        const { logged } = await describeItems({
          name: 'member_view',
          mainTable: 'member',
          lookups: [{ table: 'tenant', contentTypeId: CONTENT_TYPE.company, column: 'guest_id', ...lookup }],
        });
        return logged[1]?.reference;
      };
      const through = { table: 'public.tenant', primaryKey: 'id', column: 'code' };
      assert.deepEqual(await referenceBy({ column: 'tenant_id' }), {
        foreignKey: 'tenant_id',
        through: null,
        isNullable: false,
      });
      assert.deepEqual(await referenceBy({ column: 'host_code', setsNull: false }), {
        foreignKey: 'host_code',
        through,
        isNullable: false,
      });
      assert.deepEqual(await referenceBy({}), { foreignKey: 'guest_id', through: null, isNullable: true });
    });

    it('are found through a view that is built on a view', async () => {
      await source.pool.query(
        'create or replace view lower_view as select id as below, note as remark from item where code is not null',
      );
      assert.deepEqual(await trackedBy('select below as item_id, remark from lower_view'), [
        'code',
        'id',
        'note',
      ]);
    });

    it('are found in subqueries, aggregates and set operations', async () => {
      assert.deepEqual(
        await trackedBy(
          `with hidden as (select id from item where is_hidden)
           select id as item_id, (select count(*) from item o where o.code = item.code) as peers from item
           where id not in (select id from hidden) union all select id, null from item where fax = 'x'`,
        ),
        ['code', 'fax', 'id', 'is_hidden'],
      );
    });

    it('are all columns of the table if the view refers to a whole row', async () => {
      assert.deepEqual(await trackedBy('select item.id as item_id, to_jsonb(item) as whole from item'), [
        'code',
        'company_id',
        'fax',
        'id',
        'is_hidden',
        'name',
        'note',
        'updated_at',
      ]);
    });

    it('are not those that the view names only to show them as omitted columns', async () => {
      const omitting = (query: string, omittedColumns: string[] | null = null) =>
        trackedBy(query, { omittedColumns });
      const shown = 'select id as item_id, code, fax, updated_at from item';
      assert.deepEqual(await omitting(shown), ['code', 'fax', 'id']);
      assert.deepEqual(await omitting(shown, []), ['code', 'fax', 'id', 'updated_at']);
      assert.deepEqual(await omitting(shown, ['fax', 'code']), ['id', 'updated_at']);
      assert.deepEqual(await omitting(`${shown} where code is not null`, ['code']), [
        'code',
        'fax',
        'id',
        'updated_at',
      ]);
      assert.deepEqual(
        await omitting('select id as item_id, updated_at, updated_at::date as day from item'),
        ['id', 'updated_at'],
      );
    });

    it('are also those named like an omitted column that the view shows under another name, or in a whole row', async () => {
      assert.deepEqual(await trackedBy('select id as item_id, updated_at as saved_at from item'), [
        'id',
        'updated_at',
      ]);
      const whole = await trackedBy('select id as item_id, updated_at, to_jsonb(item) as whole from item');
      assert.ok(whole.includes('updated_at'));
    });

    it('are the same through a view that is built on a view', async () => {
      const behind = async (query: string) => {
        await source.pool.query(`create view behind_view as ${query}`);
        try {
          return await trackedBy('select id as item_id, updated_at from behind_view');
        } finally {
          await source.pool.query('drop view tried; drop view behind_view');
        }
      };
      assert.deepEqual(await behind('select id, updated_at from item'), ['id']);
      assert.deepEqual(await behind('select id, updated_at from item where updated_at is not null'), [
        'id',
        'updated_at',
      ]);
    });

    it('include those from which a generated column is computed', async () => {
      await source.pool.query('alter table item add shout text generated always as (upper(note)) stored');
      assert.deepEqual(await trackedBy('select id as item_id, shout from item'), ['id', 'note', 'shout']);
      await source.pool.query('drop view tried; alter table item drop shout');
    });

    it('are all columns of the table if the view calls a function, which may read any of them', async () => {
      await source.pool.query(`
        create function fax_of(bigint) returns text stable language sql return (select fax from item where id = $1)`);
      assert.ok((await trackedBy('select id as item_id, fax_of(id) as fax from item')).includes('fax'));
      await source.pool.query('drop view tried; drop function fax_of');
    });

    it('include the configured ones, even updated_at', async () => {
      assert.deepEqual(
        await trackedBy('select id as item_id from item', { trackedColumns: ['fax', 'updated_at'] }),
        ['id', 'fax', 'updated_at'],
      );
    });
  });

  for (const column of [
    'action',
    'etl_transaction_id',
    'is_deleted',
    'update_at',
    'batch_id',
    'batch_rows',
    'v_rows',
  ]) {
    it(`refuses a column named ${column}, a name that the target or its procedure uses`, async () => {
      await assert.rejects(
        describeQuery(`select id as item_id, name as ${column} from item`),
        isFault(new RegExp(`column ${column} has a name that is reserved for the target`)),
      );
    });
  }

  it('finds content types by application and model', async () => {
    const types = await findContentTypes(source.pool, CONTENT_TYPE_TABLE);
    assert.equal(types.get('app.item'), CONTENT_TYPE.item);
    assert.equal(types.get('app.nothing'), undefined);
  });

  it('refuses a main table or a view that the role may not read', async () => {
    await source.pool.query('create role stranger; grant select on item_view to stranger');
    const client = await source.connect();
    await client.query('set role stranger');
    await assert.rejects(
      describeView(client, makeViewSource(), CONTENT_TYPE_TABLE),
      (error: unknown) =>
        isFault(/role stranger may not read main table public\.item$/)(error) &&
        (error as DataHubError).advice.includes('grant select on public.item to stranger;'),
    );
  });

  it('works for a role that may only read', async () => {
    await source.pool.query(`create role reader; grant select on all tables in schema public to reader`);
    const client = await source.connect();
    await client.query('set role reader');
    const view = await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE);
    assert.deepEqual(view.logged[0]?.trackedColumns, ['id', 'name']);
  });
});
