import assert from 'node:assert/strict';
import { definitionChange } from '../../../shared/model/view-fingerprint.ts';
import { definitionSql } from '../../../shared/source/definition-sql.ts';
import { describeView } from '../../../shared/source/describe-view.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { fingerprintView } from '../../../shared/source/view-fingerprint.ts';
import { until } from '../../support/until.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE_TABLE, useSource } from './use-source.ts';

const SCHEMA = `
  create type mood as enum ('good', 'bad');
  create type place as (street text, town text);
  create domain price as numeric(12, 3);
  create function spelling(given text) returns text language sql immutable as 'select upper(given)';
  create function is_like(a text, b text) returns boolean language sql immutable as 'select a = b';
  create operator === (leftarg = text, rightarg = text, function = is_like);
  create operator !~~ (leftarg = integer, rightarg = integer, function = int4eq);
  create table item (
    id bigint primary key, name text, label text, code varchar(20), mood mood, moods mood[], place place, price price, size numeric(12, 3), amount integer,
    doubled integer generated always as (amount * 2) stored, spelled text generated always as (spelling(name)) stored,
    other integer, updated_at timestamptz);`;

const itemView = (columns: string, from = 'item') =>
  `create view item_view as select id as item_id, ${columns}, updated_at from ${from}`;

describe('the fingerprint of a view', () => {
  const source = useSource(`${SCHEMA} ${itemView('name')}`);

  const read = () =>
    inSnapshot(source.pool, async (client) =>
      fingerprintView(client, await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE)),
    );

  it('I2 is refused for a view that got another column after the snapshot in which it was described', async () => {
    const reading = inSnapshot(source.pool, async (client) => {
      const view = await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE);
      await source.pool.query(
        `create or replace view item_view as select id as item_id, name, updated_at, 1 as extra from item`,
      );
      return await fingerprintView(client, view);
    });

    await assert.rejects(reading, { kind: 'transient', message: /item_view was replaced a moment ago/ });
  });

  it('locks the view until the transaction ends', async () => {
    const other = await source.connect();
    await other.query(`set lock_timeout = '100ms'`);

    await inSnapshot(source.pool, async (client) => {
      await fingerprintView(client, await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE));
      await assert.rejects(other.query('drop view item_view'), { code: '55P03' });
    });

    await other.query('drop view item_view');
  });

  const REPLACEMENTS: [what: string, statements: string][] = [
    ['dropped', 'drop view item_view'],
    ['dropped and created', `drop view item_view; ${itemView('name')}; grant select on item_view to reader`],
    ['dropped and created without its grant', `drop view item_view; ${itemView('name')}`],
  ];
  for (const [what, statements] of REPLACEMENTS) {
    it(`I8 is read again later when the view is ${what} by a transaction for which it waits`, async () => {
      await restore();
      await source.pool.query(`${itemView('name')}; drop role if exists reader; create role reader;
        grant select on all tables in schema public to reader`);
      const deployment = await source.connect();

      const reading = inSnapshot(source.pool, async (client) => {
        await client.query('set local role reader');
        const view = await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE);
        await deployment.query(`begin; ${statements}`);
        const fingerprint = fingerprintView(client, view);
        await until(async () => (await waiting()) === 1);
        await deployment.query('commit');
        return await fingerprint;
      });

      await assert.rejects(reading, { kind: 'transient', message: /item_view was replaced a moment ago/ });
      await source.pool.query('drop owned by reader; drop role reader');
    });
  }

  const waiting = async (): Promise<number> => {
    const { rows } = await source.pool.query(
      `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'`,
    );
    return rows[0].n;
  };

  it('is no matter of time for a role that may not read the view', async () => {
    await restore();
    await source.pool.query(`${itemView('name')}; create role reader`);

    const reading = inSnapshot(source.pool, async (client) => {
      const view = await describeView(client, makeViewSource(), CONTENT_TYPE_TABLE);
      await client.query('set local role reader');
      return await fingerprintView(client, view);
    });

    await assert.rejects(reading, { kind: 'unauthorized' });
    await source.pool.query('drop role reader');
  });

  /** What makes other rows of the same text of the view: the columns of the view, and the statements between which they change. */
  const CHANGES: [what: string, columns: string, change: string][] = [
    [
      'the function of an operator',
      `name === 'x' as is_x`,
      `create or replace function is_like(a text, b text) returns boolean language sql immutable as 'select a <> b'`,
    ],
    [
      'an operator that is made again with another function',
      'amount !~~ 1 as is_one',
      `drop view item_view; drop operator !~~ (integer, integer);
       create operator !~~ (leftarg = integer, rightarg = integer, function = int4ne); ${itemView('amount !~~ 1 as is_one')}`,
    ],
    [
      'the precision of a column',
      'size',
      `drop view item_view; alter table item alter column size type numeric(12, 1); ${itemView('size')}`,
    ],
    [
      'the collation of a column',
      `label < 'b' as is_first`,
      `drop view item_view; alter table item alter column label type text collate "C"; ${itemView(`label < 'b' as is_first`)}`,
    ],
    ['a name of an enum', 'mood', `alter type mood rename value 'bad' to 'sad'`],
    ['a name of an enum in an array', 'moods', `alter type mood rename value 'bad' to 'sad'`],
    ['a name of an enum in a constant', `'bad'::mood as mood`, `alter type mood rename value 'bad' to 'sad'`],
    [
      'a domain that is made again',
      'price',
      `drop view item_view; alter table item alter column price type numeric; drop domain price;
       create domain price as numeric(12, 1); alter table item alter column price type price; ${itemView('price')}`,
    ],
    [
      'a field of a composite type',
      'to_json(place) as place',
      'alter type place rename attribute town to city',
    ],
    [
      'the expression of a generated column',
      'doubled',
      'alter table item alter column doubled set expression as (amount * 3)',
    ],
    [
      'a function behind a generated column',
      'spelled',
      `create or replace function spelling(given text) returns text language sql immutable as 'select lower(given)'`,
    ],
    [
      'a column of a row that is shown as a whole',
      'to_json(item) as all_of_it',
      'alter table item add column added integer',
    ],
  ];

  const restore = async () => {
    await source.pool.query(`drop table item cascade; drop domain price cascade; drop type mood, place cascade;
      drop function spelling, is_like cascade; drop operator !~~ (integer, integer); ${SCHEMA}`);
  };

  for (const [what, columns, change] of CHANGES) {
    it(`I2 changes with ${what}`, async () => {
      await restore();
      await source.pool.query(itemView(columns));
      const before = await read();

      await source.pool.query(change);

      assert.equal(definitionChange(before, await read()), 'replaced');
    });

    it(`I2 changes with ${what}, also behind another view`, async () => {
      await restore();
      await source.pool.query(itemView(columns).replace('item_view', 'inner_view'));
      await source.pool.query('create view item_view as select * from inner_view');
      const before = await read();

      await source.pool.query(
        change.replaceAll('item_view', 'inner_view').replace('drop view', 'drop view item_view; drop view'),
      );
      await source.pool.query('create or replace view item_view as select * from inner_view');

      assert.equal(definitionChange(before, await read()), 'replaced');
    });
  }

  it('stays when something changes that the view does not use', async () => {
    await restore();
    await source.pool.query(itemView('name, mood, doubled'));
    const before = await read();

    await source.pool.query(`alter table item add column added integer, alter column other type bigint, alter column size type numeric;
      alter type place rename attribute town to city; create index on item (name); comment on column item.name is 'a name';
      create or replace function is_like(a text, b text) returns boolean language sql immutable as 'select a <> b'; analyze item;
      alter table item alter column name set not null, alter column name set default 'x'`);

    assert.deepEqual(await read(), before);
  });

  it('stays when the types of columns get wider, since that changes no value', async () => {
    await restore();
    const view = itemView('size, amount * 2 as twice, code');
    await source.pool.query(view);
    const before = await read();

    await source.pool.query(`drop view item_view; alter table item alter column size type numeric(20, 3), drop column doubled,
      alter column amount type bigint, alter column code type varchar(50); ${view}`);

    assert.deepEqual(await read(), before);
  });

  it('finds what it depends on by indexes, however many objects there are', async () => {
    const { rows } = await source.pool.query(`explain (format json) ${definitionSql('public.item_view')}`);
    assert.doesNotMatch(
      JSON.stringify(rows),
      /"Seq Scan"[^{}]*"Relation Name":"pg_(depend|rewrite|attribute)"/,
    );
    assert.match(JSON.stringify(rows), /Index Scan/);
  });
});
