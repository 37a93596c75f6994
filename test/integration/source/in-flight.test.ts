import assert from 'node:assert/strict';
import type pg from 'pg';
import type { Logger } from '../../../shared/log.ts';
import type { Checkpoint } from '../../../shared/model/checkpoint.ts';
import { warnOfStuckFloor } from '../../../shared/source/change-log.ts';
import { Items, SEQUENCE } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica, type ReplicaOptions } from './replica.ts';
import { useSource } from './use-source.ts';

describe('capture of transactions in flight', () => {
  const source = useSource(Items.SCHEMA, { max_prepared_transactions: '1' });
  const items = new Items(source);

  const load = (options: ReplicaOptions = {}): Promise<Replica> =>
    Replica.load(source.pool, makeViewSource(), options);

  it('fetches a key again if it has log rows behind the cut', async () => {
    const replica = await load({ maxLogRows: 1 });
    const id = items.newId();
    await items.add(source.pool, id);
    await items.log(source.pool, id);
    const first = await replica.capture();
    await source.pool.query(`update item set name = 'meanwhile' where id = $1`, [id]);
    const second = await replica.capture();
    assert.deepEqual([first.upserts, second.upserts], [1n, 1n]);
    assert.deepEqual([first.cutId === null, second.cutId === null], [false, true]);
    await replica.assertEqualsView();
  });

  it('I3 captures rows of savepoints and nested savepoints, but not those that were rolled back', async () => {
    const replica = await load();
    const writer = await source.connect();
    await writer.query('begin');
    await items.add(writer);
    await writer.query('savepoint outer_one');
    await items.add(writer);
    await writer.query('savepoint inner_one');
    await items.add(writer);
    await writer.query('rollback to savepoint inner_one');
    await items.add(writer);
    await writer.query('release savepoint outer_one');
    await items.add(source.pool);

    assert.equal((await replica.capture()).logRows, 1n);
    await replica.capture();
    await writer.query('commit');
    assert.equal((await replica.capture()).logRows, 3n);
    await replica.assertEqualsView();
  });

  it('I3 captures rows of a prepared transaction, which no connection holds open', async () => {
    const replica = await load();
    await replica.capture();
    const writer = await source.connect();
    await writer.query('begin');
    await items.add(writer);
    await writer.query(`prepare transaction 'two phases'`);
    await items.add(source.pool);
    for (let captures = 0; captures < 3; captures++) await replica.capture();
    await source.pool.query(`commit prepared 'two phases'`);
    assert.equal((await replica.capture()).logRows, 1n);
    await replica.assertEqualsView();
  });

  it('keeps a rolled-back id as a hole until the floor passes it', async () => {
    const replica = await load();
    const writer = await source.connect();
    await writer.query('begin');
    const hole = await items.add(writer);
    await writer.query('rollback');
    const high = await items.add(source.pool);
    await replica.capture();
    assert.ok(replica.checkpoint.floorId < hole);
    assert.equal(await isSeen(source.pool, replica.checkpoint, hole), false);
    assert.equal(await isSeen(source.pool, replica.checkpoint, high), true);
    await replica.capture();
    assert.equal(replica.checkpoint.floorId, high);
    assert.equal(replica.checkpoint.seen, '{}');
  });

  it('I8 warns of the transaction that holds the floor back, with its age', async () => {
    const long = await source.connect();
    await long.query('begin');
    await items.add(long);
    const { rows } = await long.query('select pg_backend_pid() as pid');
    const warnings: { oldestTransaction: { pid: number; ageSeconds: number } }[] = [];
    const log = { warn: (fields: (typeof warnings)[number]) => warnings.push(fields) } as unknown as Logger;
    await warnOfStuckFloor(source.pool, log, 'item_view', 4_000);
    assert.deepEqual(
      warnings.map(({ oldestTransaction }) => [oldestTransaction.pid, oldestTransaction.ageSeconds >= 0]),
      [[rows[0].pid, true]],
    );
  });

  it('I3 captures log ids above 2^53, which doubles cannot tell apart', async () => {
    const replica = await load();
    await source.pool.query(`select setval('${SEQUENCE}', 9007199254740993)`);
    const writer = await source.connect();
    await writer.query('begin');
    const low = await items.add(writer);
    const high = await items.add(source.pool);
    assert.deepEqual([low, high], [9007199254740994n, 9007199254740995n]);
    assert.equal((await replica.capture()).logRows, 1n);
    assert.equal((await replica.capture()).logRows, 0n);
    await writer.query('commit');
    assert.equal((await replica.capture()).logRows, 1n);
    await replica.assertEqualsView();
    await replica.capture();
    assert.equal(replica.checkpoint.floorId, high);
    assert.deepEqual(replica.checkpoint.witness?.id, high);
  });
});

async function isSeen(pool: pg.Pool, { seen, floorId }: Checkpoint, id: bigint): Promise<boolean> {
  const { rows } = await pool.query('select $1::int8 <= $2::int8 or $1::int8 <@ $3::int8multirange as seen', [
    id,
    floorId,
    seen,
  ]);
  return rows[0].seen as boolean;
}
