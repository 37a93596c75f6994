import assert from 'node:assert/strict';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { findRelation } from '../../../shared/source/catalog.ts';
import { readColumnOrigin } from '../../../shared/source/column-origin.ts';
import { describeView } from '../../../shared/source/describe-view.ts';
import { namingFaults } from '../../../shared/source/key-naming.ts';
import { Items } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica } from './replica.ts';
import { CONTENT_TYPE, CONTENT_TYPE_TABLE, LOG_TABLE, useSource } from './use-source.ts';

const BLIND = `create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`;

describe('a row', () => {
  const source = useSource(`${BLIND}
    create table company (id integer primary key, code text unique, name text);
    insert into company values (1, 'a', 'one'), (2, 'b', 'two');
    create table item (id bigint primary key, name text, company_code text references company (code) on update cascade);
    insert into item values (10, 'ten', 'a'), (20, 'twenty', 'b'), (30, 'thirty', null);
    create view item_view as select i.id as item_id, i.name, c.name as company from item i left join company c on c.code = i.company_code;`);
  const items = new Items(source);

  const COMPANY = { table: 'company', contentTypeId: CONTENT_TYPE.company, column: 'company_code' };

  const load = (differing: Partial<ViewSource> = {}) =>
    Replica.load(source.pool, makeViewSource({ lookups: [COMPANY], ...differing }));

  it('I2 arrives when its lookup changes that it points at by another column than log rows name', async () => {
    const replica = await load();
    await source.pool.query(`update company set name = 'uno' where id = 1`);
    await items.log(source.pool, 1, { type: 'company' });

    assert.partialDeepStrictEqual(await replica.capture(), { upserts: 1n, badKeys: 0n });
    await replica.assertEqualsView();

    // The value itself changes, and the database lets the item follow.
    await source.pool.query(`update company set code = 'z', name = 'zwei' where id = 2`);
    await items.log(source.pool, 2, { type: 'company', data: { code: { old: 'b', new: 'z' } } });
    await replica.capture();
    await replica.assertEqualsView();
  });

  it('I2 arrives likewise where only the configuration names the column', async () => {
    await source.pool.query(`
      create table loose_item (id bigint primary key, company_code text);
      insert into loose_item values (1, 'a');
      create view loose_view as select i.id as item_id, c.name from loose_item i left join company c on c.code = i.company_code;`);
    const loose = { name: 'loose_view', mainTable: 'loose_item' };
    await assert.rejects(load(loose), {
      kind: 'configuration',
      message:
        /lookup column company_code has type text, but id of lookup table company has type int4: name the column that it holds as "references"/,
    });
    await assert.rejects(load({ ...loose, lookups: [{ ...COMPANY, references: 'nothing' }] }), {
      message: /referenced column nothing does not exist in lookup table company/,
    });
    const replica = await load({ ...loose, lookups: [{ ...COMPANY, references: 'code' }] });

    await source.pool.query(`update company set name = 'eins' where id = 1`);
    await items.log(source.pool, 1, { type: 'company' });
    await replica.capture();

    await replica.assertEqualsView();
  });

  it('I2 arrives under its new key, and leaves under the old one, whichever of them its log row names', async () => {
    const replica = await load();
    for (const [before, after, named] of [
      [10, 11, 10],
      [20, 21, 21],
    ] as const) {
      await source.pool.query('update item set id = $2 where id = $1', [before, after]);
      await items.log(source.pool, named, { data: { id: { old: before, new: after } } });
    }

    assert.partialDeepStrictEqual(await replica.capture(), { upserts: 2n, deletes: 2n, badKeys: 0n });
    await replica.assertEqualsView();
  });

  it('I2 arrives likewise if its key is logged under the name of the field, and other fields are no keys', async () => {
    const replica = await load();
    await source.pool.query(`insert into item values (40, 'forty', null), (50, 'fifty', null)`);
    for (const [before, after, named] of [
      [40, 41, 40],
      [50, 51, 51],
    ] as const) {
      await source.pool.query('update item set id = $2 where id = $1', [before, after]);
      await items.log(source.pool, named, { data: { item_no: { old: before, new: after }, name: {} } });
    }
    await items.log(source.pool, 41, {
      data: { name: { old: '41', new: '90' }, company_code: { old: '41', new: '91' } },
    });
    await items.log(source.pool, 41, {
      data: { note: { old: '41', new: 'none' }, grade: '41', list: [41, 92] },
    });
    await source.pool.query(
      `insert into ${LOG_TABLE} (object_id, content_type_id, action, changed_data) values ('41', $1, 'changed', '["41"]')`,
      [CONTENT_TYPE.item],
    );

    assert.partialDeepStrictEqual(await replica.capture(), { upserts: 2n, deletes: 2n, badKeys: 0n });
    await replica.assertEqualsView();
  });

  it('I2 arrives when the key of its lookup changed, and the database let it follow', async () => {
    await source.pool.query(`
      create table team (id integer primary key, name text); insert into team values (1, 'one');
      create table person (id bigint primary key, team_id integer references team on update cascade); insert into person values (1, 1);
      create view person_view as select p.id as item_id, t.name from person p left join team t on t.id = p.team_id;`);
    const replica = await load({
      name: 'person_view',
      mainTable: 'person',
      lookups: [{ table: 'team', contentTypeId: CONTENT_TYPE.company, column: 'team_id' }],
    });
    await source.pool.query(`update team set id = 2, name = 'two'`);
    await items.log(source.pool, 1, { type: 'company', data: { id: { old: 1, new: 2 } } });
    await replica.capture();

    await replica.assertEqualsView();
  });

  it('I2 arrives likewise if its view shows the foreign key alone, which other changes of the lookup do not touch', async () => {
    await source.pool.query(`
      create table squad (id integer primary key, code text unique, name text); insert into squad values (1, 'a', 'one');
      create table member (id bigint primary key, squad_id integer references squad on update cascade,
        squad_code text references squad (code) on update cascade);
      insert into member values (1, 1, null), (2, null, 'a');
      create view member_view as select id as item_id, squad_id, squad_code from member;`);
    const squad = (column: string) => ({ table: 'squad', contentTypeId: CONTENT_TYPE.company, column });
    const replica = await load({
      name: 'member_view',
      mainTable: 'member',
      lookups: [squad('squad_id'), squad('squad_code')],
    });
    const logSquad = (id: number, data: Record<string, object>) =>
      items.log(source.pool, id, { type: 'company', data });
    await logSquad(1, { name: {} });
    assert.partialDeepStrictEqual(await replica.capture(), { upserts: 0n, logRows: 1n });

    await source.pool.query(`update squad set id = 2`);
    await logSquad(2, { id: { old: 1, new: 2 } });
    assert.partialDeepStrictEqual(await replica.capture(), { upserts: 1n });
    await source.pool.query(`update squad set code = 'b'`);
    await logSquad(2, { code: { old: 'a', new: 'b' } });
    assert.partialDeepStrictEqual(await replica.capture(), { upserts: 1n });
    await replica.assertEqualsView();
  });

  it('I2 arrives when it points at its lookup under another spelling that PostgreSQL takes for equal', async () => {
    await source.pool.query(`
      create table country (code text collate blind primary key, name text); insert into country values ('th', 'Thailand');
      create table unit (code char(5) primary key, name text); insert into unit values ('kg', 'kilo');
      create table offer (id bigint primary key, country text collate blind references country, unit char(8) references unit);
      insert into offer values (1, 'TH', null), (2, null, 'kg'), (3, null, null);
      create view offer_view as select o.id as item_id, c.name as country, u.name as unit from offer o
        left join country c on c.code = o.country left join unit u on u.code = o.unit;`);
    const replica = await load({
      name: 'offer_view',
      mainTable: 'offer',
      lookups: [
        { table: 'country', contentTypeId: CONTENT_TYPE.company, column: 'country' },
        { table: 'unit', contentTypeId: CONTENT_TYPE.other, column: 'unit' },
      ],
    });
    await source.pool.query(`update country set name = 'Siam'; update unit set name = 'kilogram'`);
    await items.log(source.pool, 'Th', { type: 'company' });
    await items.log(source.pool, 'kg   ', { type: 'other' });

    assert.partialDeepStrictEqual(await replica.capture(), { upserts: 2n });
    await replica.assertEqualsView();
  });

  it('I2 has one key if its own is padded with spaces, however log rows and queued keys write it', async () => {
    await source.pool.query(`
      create table part (code char(6) primary key, name text); insert into part values ('ab', 'one'), ('cd', 'two'), ('ef', 'three');
      create view part_view as select code::text as item_id, name from part;
      create view padded_view as select code as item_id, name from part;`);
    const part = { mainTable: 'part', lookups: [] };
    await assert.rejects(load({ ...part, name: 'padded_view' }), {
      kind: 'configuration',
      message: /key item_id has a type that is padded with spaces: let the view show code::text/,
    });
    const replica = await load({ ...part, name: 'part_view' });
    await source.pool.query(`update part set name = 'changed'; delete from part where code = 'cd'`);
    for (const spelling of ['ab', 'ab    ', 'cd    ', 'cd']) await items.log(source.pool, spelling);

    assert.partialDeepStrictEqual(await replica.capture(['ef   ', 'ef']), { upserts: 2n, deletes: 1n });
    await replica.assertEqualsView();
  });

  describe('is refused, with the reason, if', () => {
    it('PostgreSQL takes different spellings of its key for equal', async () => {
      await source.pool.query(`
        create table blind_item (code text collate blind primary key);
        create view blind_view as select code as item_id from blind_item;
        create view seeing_view as select code collate "C" as item_id from blind_item;`);
      for (const name of ['blind_view', 'seeing_view']) {
        await assert.rejects(load({ name, mainTable: 'blind_item', lookups: [] }), {
          kind: 'configuration',
          message:
            /keys have the nondeterministic collation blind, .* give column code of blind_item a deterministic one/,
        });
      }
    });

    it('its key is unique, but not what log rows name', async () => {
      await source.pool.query(`
        create table book (id bigint primary key, isbn text unique); insert into book values (1, 'i');
        create view inner_books as select isbn, id from book where isbn is not null;
        create view book_view as select isbn as item_id from inner_books;`);
      const book = makeViewSource({ name: 'book_view', mainTable: 'book' });
      const message =
        'key item_id shows column isbn of book, but log rows name its primary key id: let the view show that, and configure it as the key';
      await assert.rejects(describeView(source.pool, book, CONTENT_TYPE_TABLE), {
        kind: 'configuration',
        message: `view source book_view: ${message}`,
      });
      assert.deepEqual(await namingFaults(source.pool, book), [message]);
    });

    it('its key is computed from what log rows name', async () => {
      await source.pool.query(`
        create table bill (id bigint primary key); insert into bill select generate_series(1, 3);
        create view bill_view as select 'B' || id as item_id from bill;
        create view plain_bill_view as select id::text as item_id from bill;`);
      const faultsOf = (name: string) =>
        namingFaults(source.pool, makeViewSource({ name, mainTable: 'bill' }));

      assert.deepEqual(await faultsOf('plain_bill_view'), []);
      const [fault, ...others] = await faultsOf('bill_view');
      assert.match(fault ?? '', /^key item_id: .* 3 have a key that is no primary key of bill/);
      assert.deepEqual(others, []);

      // Without rows, only the catalog can tell.
      await source.pool.query('truncate bill');
      assert.deepEqual(await faultsOf('plain_bill_view'), []);
      assert.deepEqual(await faultsOf('bill_view'), [
        'key item_id is computed, and the view has no rows that would show whether it is the primary key of bill, which log rows name: let the view show id itself or a cast of it, or import again when the view has rows',
      ]);
    });
  });

  it('has a key whose column PostgreSQL’s catalog tells, also through views and subqueries', async () => {
    const oid = (await findRelation(source.pool, 'company'))?.oid;
    const originOf = async (query: string) => {
      await source.pool.query(`drop view if exists tried; create view tried as ${query}`);
      const tried = (await findRelation(source.pool, 'tried')) ?? assert.fail();
      return await readColumnOrigin(source.pool, tried, 'the "key" {1}');
    };
    await source.pool.query(
      `create view nested as select name, code, id as "inner \\ {key}" from company where exists (select from item)`,
    );
    const named = 'as "the ""key"" {1}"';
    for (const query of [
      `select name, id ${named} from company`,
      `select c.name, c.id ${named} from item i join company c on c.code = i.company_code`,
      `select (select max(id) from item) as x, s.k ${named} from (select id as k from company where code in (select code from company)) s`,
      `with w as (select id from company) select 1 as one, id ${named} from w`,
      `select name, "inner \\ {key}" ${named} from nested order by code`,
      `select id ${named}, case when name = '{:resno 1 }' then 2 end as y from company`,
      `select id::text::varchar ${named} from company`,
      `select id::bigint ${named} from (select k::text as id from (select 1 as one, c.id as k from item, company c) s) t`,
      `select "inner \\ {key}"::text collate "C" ${named} from nested`,
    ]) {
      assert.deepEqual(await originOf(query), { relation: oid, column: 'id' }, query);
    }
    for (const query of [
      `select id + 0 ${named} from company`,
      `select id ${named} from company union all select id from company`,
      `select id::text ${named} from company union all select id::text from company`,
      `select (id::text)::varchar(1) ${named} from company`,
      `select abs(id) ${named} from company`,
      `select max(id) ${named} from company`,
    ]) {
      assert.equal(await originOf(query), null, query);
    }
  });

  it('I2 arrives when it was saved as an object of an inheriting model', async () => {
    await source.pool.query(`
      create table place (id bigint primary key, name text);
      create table restaurant (place_ptr_id bigint primary key references place, stars integer);
      create table visit (id bigint primary key, place_id bigint references place);
      insert into place values (1, 'one'), (2, 'two'); insert into restaurant values (1, 3); insert into visit values (5, 1), (6, 2);
      create view place_view as select id as item_id, name from place;
      create view restaurant_view as select r.place_ptr_id as item_id, p.name, r.stars from restaurant r join place p on p.id = r.place_ptr_id;
      create view visit_view as select v.id as item_id, p.name from visit v left join place p on p.id = v.place_id;`);
    // The content type company stands for the restaurant, other for the visit.
    const place = { table: 'place', contentTypeId: CONTENT_TYPE.item };
    const replicas = [
      await load({
        name: 'place_view',
        mainTable: 'place',
        childTypeIds: [CONTENT_TYPE.company],
        lookups: [],
      }),
      await load({
        name: 'restaurant_view',
        mainTable: 'restaurant',
        contentTypeId: CONTENT_TYPE.company,
        lookups: [{ ...place, column: 'place_ptr_id' }],
      }),
      await load({
        name: 'visit_view',
        mainTable: 'visit',
        contentTypeId: CONTENT_TYPE.other,
        lookups: [{ ...place, childTypeIds: [CONTENT_TYPE.company], column: 'place_id' }],
      }),
    ];
    for (const type of ['company', 'item'] as const) {
      await source.pool.query(`update place set name = name || $1 where id = 1`, [type]);
      await items.log(source.pool, 1, { type, data: { name: { old: '', new: type } } });
      for (const replica of replicas) {
        assert.partialDeepStrictEqual(await replica.capture(), { upserts: 1n, logRows: 1n });
        await replica.assertEqualsView();
      }
    }
  });
});
