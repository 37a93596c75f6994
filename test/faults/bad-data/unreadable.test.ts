import assert from 'node:assert/strict';
import { useStack } from '../../support/use-installation.ts';
import { ThingView } from './thing-view.ts';

const ROWS = 5000;

describe('a row that makes the view fail in PostgreSQL', () => {
  const stack = useStack();

  /** A view that divides by a column of its table. */
  async function install(): Promise<ThingView> {
    const thing = await ThingView.install(stack, {
      loadType: 'merge',
      columns: { per_piece: 'integer', count: 'text' },
    });
    await thing.on.source.database.query(`
      create or replace view thing_view as select id as thing_id, 100 / per_piece as per_piece, count from app_thing;
      insert into app_thing (id, per_piece, count) select i, 5, '7' from generate_series(1, ${ROWS}) i`);
    return thing;
  }

  for (const id of [1, 1234, ROWS]) {
    it(`stops the batch, and the error names its key and column: key ${id}`, async () => {
      const thing = await install();
      await thing.on.source.database.query(`update app_thing set per_piece = 0 where id = ${id}`);

      await assert.rejects(thing.stage(), {
        kind: 'bad_data',
        message: `view thing_view: key ${id}, column per_piece: division by zero`,
      });

      await thing.on.source.database.query(`update app_thing set per_piece = 1 where id = ${id}`);
      await thing.resume();
      await thing.replicate();
      await thing.assertEqual();
      await thing.on.source.database.query(`update app_thing set per_piece = 0 where id = ${id}`);
      await thing.logAll();
      await assert.rejects(thing.stage(), {
        kind: 'bad_data',
        message: `view thing_view: key ${id}, column per_piece: division by zero`,
      });
    });
  }

  it('stops the batch, and the error names its key and column, when the value exceeds a limit of PostgreSQL', async () => {
    const thing = await ThingView.install(stack, { loadType: 'bq-storage-api', columns: { tree: 'json' } });
    await thing.on.source.database.query(
      'drop view thing_view; create view thing_view as select id as thing_id, tree::jsonb as tree from app_thing; grant select on thing_view to reader',
    );
    await thing.put('1', { tree: `'{}'` });
    await thing.put('2', { tree: `(repeat('[', 20000) || repeat(']', 20000))::json` });

    await assert.rejects(thing.stage(), {
      kind: 'bad_data',
      message: 'view thing_view: key 2, column tree: stack depth limit exceeded',
    });
  });

  it('stops the batch, and the error does not quote the value', async () => {
    const thing = await install();
    await thing.on.source.database.query(`
      drop view thing_view;
      create view thing_view as select id as thing_id, count::integer as per_piece, count from app_thing;
      grant select on thing_view to reader;
      update app_thing set count = 'secret' where id = 7`);

    await assert.rejects(thing.stage(), {
      kind: 'bad_data',
      message: 'view thing_view: key 7, column per_piece: invalid input syntax for type integer: "…"',
    });
  });

  for (const [body, message, advice] of [
    [
      `begin raise exception 'no tariff for %', n; end`,
      /error P0001 from exec_stmt_raise/,
      /Correct the row or the function/,
    ],
    [
      `begin raise exception 'no tariff for %', n using errcode = '22023'; end`,
      /error 22023 from exec_stmt_raise/,
      /Correct the row/,
    ],
    [
      `begin return (select i from generate_series(1, 2) i); end`,
      /column per_piece: more than one row returned by a subquery/,
      /Correct these rows or the view/,
    ],
  ] as const) {
    it(`stops the batch, and shows no text that a function of the view has made of the value: ${body}`, async () => {
      const thing = await install();
      await thing.on.source.database.query(`
        create function price(n text) returns integer stable language plpgsql as $$begin if n = 'secret' then ${body}; end if; return 1; end$$;
        drop view thing_view;
        create view thing_view as select id as thing_id, price(count) as per_piece, count from app_thing;
        grant select on thing_view to reader;
        update app_thing set count = 'secret' where id = 7`);

      const refused = await thing.stage().then(
        () => assert.fail('the batch was staged'),
        (error) => error,
      );

      assert.equal(refused.kind, 'bad_data');
      assert.match(refused.message, /^view thing_view: key 7, column per_piece: /);
      assert.match(refused.message, message);
      assert.match(refused.advice, advice);
      const { rows } = await thing.on.control.query(
        `select halted_reason as text from etl.view_source union all select message || advice from etl.etl_error`,
      );
      assert.doesNotMatch(JSON.stringify(rows), /secret|tariff/);
    });
  }

  it('is reported with the error of PostgreSQL only, when the view fails in its WHERE clause', async () => {
    const thing = await install();
    await thing.on.source.database.query(`
      create or replace view thing_view as select id as thing_id, per_piece, count from app_thing where 1 / per_piece >= 0;
      update app_thing set per_piece = 0 where id = 7`);

    await assert.rejects(thing.stage(), {
      kind: 'bad_data',
      message: /division by zero/,
      context: { view: 'thing_view', etlTransactionId: 1n, code: '22012' },
    });
  });
});
