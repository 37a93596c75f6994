import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import type pg from 'pg';
import { NOTHING_SEEN } from '../../../shared/model/checkpoint.ts';
import type { Slice } from '../../../shared/model/slice.ts';
import { capture } from '../../../shared/source/capture.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { copyOut, copyRows, loggedKeysStatement, upsertsStatement } from '../../../shared/source/fetch.ts';
import { planSlices, splitEvenly, splitSlice } from '../../../shared/source/plan-slices.ts';
import { exportSnapshot, inExportedSnapshot, inSnapshot } from '../../../shared/source/snapshot.ts';
import { until } from '../../support/until.ts';
import { makeViewSource } from './make-view-source.ts';
import { stagedDeletes, stagedRows } from './staged-rows.ts';
import { CONTENT_TYPE, CONTENT_TYPE_TABLE, LOG_TABLE, useSource } from './use-source.ts';

const SCHEMA = `
  create table item (id bigint primary key, name text, is_hidden boolean not null default false);
  create view item_view as select id as item_id, name from item where not is_hidden;
  create table coded (id text collate "C" primary key);
  create view coded_view as select id collate "und-x-icu" as item_id from coded;
  create view text_view as select id::text as item_id, name from item;
  create view number_view as select id::bigint as item_id from coded where id ~ '^[0-9]+$';`;

const CODED = { name: 'coded_view', mainTable: 'coded' };

describe('fetching the rows of a view', () => {
  const source = useSource(SCHEMA);

  beforeEach(() => source.pool.query(`truncate ${LOG_TABLE}, item, coded`));

  const withView = <T>(
    work: (client: pg.PoolClient, view: SourceView) => Promise<T>,
    differing: Parameters<typeof makeViewSource>[0] = {},
  ): Promise<T> =>
    inSnapshot(source.pool, async (client) =>
      work(client, await describeView(client, makeViewSource(differing), CONTENT_TYPE_TABLE)),
    );

  const logKeys = (keys: string[]) =>
    source.pool.query(
      `insert into ${LOG_TABLE} (object_id, content_type_id, action) select k, $2, 'changed' from unnest($1::text[]) k`,
      [keys, CONTENT_TYPE.item],
    );

  const captureAll = (client: pg.PoolClient, view: SourceView) =>
    capture(
      client,
      view,
      { floorId: 0n, seen: NOTHING_SEEN, horizons: [], witness: null },
      { logTable: LOG_TABLE, maxLogRows: 1_000, maxReadRows: 1_000, maxNullRows: 1_000, queuedKeys: [] },
    );

  it('stages deletes with the key alone, in the same form as upserts', async () => {
    await source.pool.query('insert into item values (9007199254740994)');
    await logKeys(['1', '9007199254740993', '9007199254740994']);
    await withView(async (client, view) => {
      await captureAll(client, view);
      const [upsert] = await stagedRows(client, view, { kind: 'captured' });
      assert.equal(upsert?.item_id, '9007199254740994');
      assert.deepEqual(await stagedDeletes(client, view), [
        { item_id: 1, action: 'deleted', etl_transaction_id: 1 },
        { item_id: '9007199254740993', action: 'deleted', etl_transaction_id: 1 },
      ]);
    });
  });

  it('stages the logged action as a hint for counting', async () => {
    await source.pool.query('insert into item values (1), (2)');
    await logKeys(['1', '2']);
    await source.pool.query(`update ${LOG_TABLE} set action = 'added' where object_id = '2'`);
    await withView(async (client, view) => {
      await captureAll(client, view);
      const rows = await stagedRows(client, view, { kind: 'captured' });
      assert.deepEqual(rows.map(({ item_id, action }) => [item_id, action]).sort(), [
        [1, 'changed'],
        [2, 'added'],
      ]);
    });
  });

  it('returns the keys that the log named, for a later recheck, whatever characters they have', async () => {
    const keys = ['a', `it's {1,"2"} \\ NULL`, 'กุญแจ'];
    await logKeys(keys);
    await withView(async (client, view) => {
      await captureAll(client, view);
      const lines = await copyOut(client, loggedKeysStatement(view), text);
      const unescaped = lines
        .trimEnd()
        .split('\n')
        .map((line) => line.replaceAll('\\\\', '\\'));
      assert.deepEqual(unescaped.sort(), keys.sort());
      assert.deepEqual((await stagedDeletes(client, view)).map((row) => row.item_id).sort(), keys.sort());
    }, CODED);
  });

  it('destroys the connection if the reader fails, so that the next one is clean', async () => {
    await source.pool.query("insert into item select i, repeat('x', 1000) from generate_series(1, 20000) i");
    const lost = new Error('the bucket is gone');
    await assert.rejects(
      withView((client, view) =>
        copyRows(
          client,
          upsertsStatement(view, {
            kind: 'slice',
            slice: { from: null, to: null },
            isDirectLoad: false,
          }),
          async () => {
            throw lost;
          },
        ),
      ),
      (error: unknown) => error instanceof Error && error.cause === lost,
    );
    await source.pool.query('select 1');
    // The server may notice a moment later that the connection is gone.
    const open = `select from pg_stat_activity where application_name = 'test' and state like '%transaction%'`;
    await until(async () => (await source.pool.query(open)).rowCount === 0);
  });

  it('fails when the server ends the connection in the middle of the rows', async () => {
    await source.pool.query("insert into item select i, repeat('x', 1000) from generate_series(1, 20000) i");
    const read = withView((client, view) =>
      copyRows(
        client,
        upsertsStatement(view, { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false }),
        async (messages) => {
          let bytes = 0;
          for await (const chunk of messages) {
            if (bytes === 0) {
              await source.pool.query(
                `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test' and query like 'copy%'`,
              );
            }
            bytes += chunk.length;
          }
          return bytes;
        },
      ),
    );
    await assert.rejects(read, { kind: 'transient' });
  });

  it('leaves a connection that can be used after rows were read', async () => {
    await source.pool.query('insert into item values (1), (2)');
    await withView(async (client, view) => {
      assert.equal((await stagedRows(client, view)).length, 2);
      assert.equal((await stagedRows(client, view)).length, 2);
      assert.equal((await client.query('select 1 as one')).rows[0].one, 1);
    });
  });

  it('reads the same snapshot on other connections', async () => {
    await source.pool.query('insert into item values (1)');
    await withView(async (client, view) => {
      const snapshot = await exportSnapshot(client);
      await source.pool.query('insert into item values (2)');
      const read = (reader: pg.PoolClient) => stagedRows(reader, view);
      assert.equal((await read(client)).length, 1);
      assert.equal((await inExportedSnapshot(source.pool, snapshot, read)).length, 1);
    });
  });

  describe('in slices', () => {
    const limits = { sliceRows: 100, maxSlices: 4 };
    const fill = (query: string) => source.pool.query(`insert into item (id) ${query}; analyze item`);

    it('copies a small table as a whole', async () => {
      await fill('select generate_series(1, 100)');
      assert.deepEqual(await withView((client, view) => planSlices(client, view, limits)), [
        { from: null, to: null },
      ]);
    });

    it('copies a table as a whole if it was never analyzed', async () => {
      await source.pool.query('insert into item select generate_series(1, 1000)');
      assert.deepEqual(await withView((client, view) => planSlices(client, view, limits)), [
        { from: null, to: null },
      ]);
    });

    it('cuts texts in the order of the collation of the view, and copies every row exactly once', async () => {
      // In the order of the table, which is that of the bytes, B comes before a.
      await source.pool.query(
        `insert into coded select chr(65 + i % 26) || i from generate_series(1, 500) i
         union all select chr(97 + i % 26) || i from generate_series(1, 500) i union all select '''; \\ ' || i from generate_series(1, 9) i;
         analyze coded`,
      );
      await withView(async (client, view) => {
        const planned = await planSlices(client, view, limits);
        assert.equal(planned.length, 4);
        const rows = await Promise.all(
          planned.map((slice) => stagedRows(client, view, { kind: 'slice', slice, isDirectLoad: false })),
        );
        const { rows: all } = await client.query('select id from coded');
        assert.deepEqual(
          rows
            .flat()
            .map((row) => String(row.item_id))
            .sort(),
          all.map((row) => row.id as string).sort(),
        );
      }, CODED);
    });

    it('cuts a slice that is too large into parts of about as many rows, unless it has few', async () => {
      await source.pool.query('insert into item select i * i from generate_series(1, 1000) i');
      await withView(async (client, view) => {
        const slice = { from: '100', to: '250000' };
        const parts = await splitSlice(client, view, slice, { count: 5, minRows: 490 });
        assert.deepEqual([parts?.at(0)?.from, parts?.at(-1)?.to, parts?.length], ['100', '250000', 5]);
        for (const part of parts ?? []) {
          const rows = await stagedRows(client, view, { kind: 'slice', slice: part, isDirectLoad: false });
          assert.ok(rows.length >= 97 && rows.length <= 99, `${rows.length}`);
        }
        assert.equal(await splitSlice(client, view, slice, { count: 5, minRows: 491 }), null);
      });
    });

    it('cuts integer keys at even distances without reading them', async () => {
      await source.pool.query('insert into item values (10), (12), (1000)');
      await withView(async (client, view) => {
        const cuts = async (slice: Slice, count: number) =>
          (await splitEvenly(client, view, slice, count))?.map(({ from, to }) => `${from} ${to}`);
        assert.deepEqual(await cuts({ from: null, to: null }, 3), ['null 340', '340 670', '670 null']);
        assert.deepEqual(await cuts({ from: '100', to: '200' }, 2), ['100 150', '150 200']);
        assert.deepEqual(await cuts({ from: '100', to: '102' }, 10), ['100 101', '101 102']);
        assert.equal(await cuts({ from: '100', to: '101' }, 10), undefined);
      });
      await withView(async (client, view) => {
        assert.equal(await splitEvenly(client, view, { from: null, to: null }, 3), null);
      }, CODED);
    });

    it('does not cast keys of the table that the view leaves out', async () => {
      await source.pool.query(
        `insert into coded select i::text from generate_series(1, 900) i union all select 'x' || i from generate_series(1, 100) i;
         analyze coded`,
      );
      await withView(
        async (client, view) => {
          const whole = { from: null, to: null };
          assert.deepEqual(await planSlices(client, view, { sliceRows: 100, maxSlices: 4 }), [whole]);
          assert.equal((await splitSlice(client, view, whole, { count: 4, minRows: 900 }))?.length, 4);
          assert.equal(await splitSlice(client, view, whole, { count: 4, minRows: 901 }), null);
        },
        { name: 'number_view', mainTable: 'coded' },
      );
    });

    for (const [what, differing, fillQuery] of [
      [
        'whose table has another collation',
        CODED,
        // In the order of the view, B comes after all a; in that of the table, before.
        `insert into coded select chr(65 + i % 26) || i from generate_series(1, 1000) i
         union all select chr(97 + i % 26) || i from generate_series(1, 1000) i`,
      ],
      [
        'whose table has another type',
        { name: 'text_view' },
        'insert into item select generate_series(1, 2000)',
      ],
    ] as const) {
      it(`I6 copies every row exactly once after slices of a view ${what} were cut again and again`, async () => {
        await source.pool.query(fillQuery);
        await withView(async (client, view) => {
          const cut = async (slice: Slice): Promise<Slice[]> =>
            (await splitSlice(client, view, slice, { count: 4, minRows: 100 })) ?? [slice];
          const parts = await cut({ from: null, to: null });
          const smaller = (await Promise.all(parts.map(cut))).flat();
          assert.equal(smaller.length, 16);
          const keys: string[] = [];
          for (const slice of smaller) {
            const rows = await stagedRows(client, view, { kind: 'slice', slice, isDirectLoad: false });
            assert.ok(rows.length > 100 && rows.length < 150, `${rows.length}`);
            keys.push(...rows.map((row) => String(row.item_id)));
          }
          const { rows } = await client.query(`select id::text as id from ${view.mainTable}`);
          assert.deepEqual(keys.sort(), rows.map((row) => row.id as string).sort());
        }, differing);
      });
    }

    it('has slices of about as many rows, however the keys are distributed', async () => {
      await fill(
        'select i from generate_series(1, 10000) i union all select 1000000000::bigint * i from generate_series(1, 2000) i',
      );
      const planned = await withView((client, view) => planSlices(client, view, limits));
      const { rows } = await source.pool.query('select id from item');
      const counts = planned.map(
        ({ from, to }) =>
          rows.filter(
            ({ id }) =>
              (from === null || BigInt(id) >= BigInt(from)) && (to === null || BigInt(id) < BigInt(to)),
          ).length,
      );
      assert.equal(counts.length, 4);
      for (const count of counts) assert.ok(count > 2400 && count < 3600, `${counts}`);
    });

    for (const [what, query, slices] of [
      ['are consecutive', 'select generate_series(1, 1000)', 4],
      ['are negative', 'select generate_series(-700, -351)', 4],
      ['lie on both sides of zero', 'select generate_series(-150, 100)', 3],
      [
        'are as far apart as possible',
        'select generate_series(1, 300) union all select unnest(array[-9223372036854775808, 9223372036854775807])',
        4,
      ],
    ] as const) {
      it(`copies every row exactly once if the keys ${what}`, async () => {
        await fill(query);
        await withView(async (client, view) => {
          const planned = await planSlices(client, view, limits);
          assert.equal(planned.length, slices);
          const keys: string[] = [];
          for (const slice of planned) {
            const rows = await stagedRows(client, view, { kind: 'slice', slice, isDirectLoad: false });
            keys.push(...rows.map((row) => String(row.item_id)));
          }
          const { rows } = await client.query('select id::text as id from item');
          assert.deepEqual(keys.sort(), rows.map((row) => row.id as string).sort());
        });
      });
    }
  });
});
