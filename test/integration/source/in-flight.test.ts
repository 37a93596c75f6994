import assert from 'node:assert/strict';
import type pg from 'pg';
import type { Checkpoint } from '../../../shared/checkpoint.ts';
import type { Logger } from '../../../shared/log.ts';
import { warnOfStuckFloor } from '../../../shared/source/change-log.ts';
import { CUT_AT_A_KEY, MARKER_AT_CAPTURE, MARKER_IS_SNAPSHOT_XMAX } from './broken-rules.ts';
import { makeViewSource } from './make-view-source.ts';
import { type CaptureRules, Replica, type ReplicaOptions } from './replica.ts';
import { CONTENT_TYPE, LOG_TABLE, type Source, startSource, until } from './start-source.ts';

const GRACE_SECONDS = 1;
/** An insert of this object waits for HOLD_LOCK when its log id is drawn and its transaction has no id yet. */
const HELD_OBJECT = '4004';
const HOLD_LOCK = 4;

const SEQUENCE = `${LOG_TABLE}_id_seq`;

type Writer = Pick<pg.ClientBase, 'query'>;

const SCHEMA = `
  create table item (id bigint primary key, name text, updated_at timestamptz);
  create view item_view as select id as item_id, name, updated_at from item;
  create function hold() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock(${HOLD_LOCK}); return new; end $$;
  create trigger hold before insert on ${LOG_TABLE} for each row
    when (new.object_id = '${HELD_OBJECT}') execute function hold();`;

describe('capture of transactions in flight', () => {
  let source: Source;
  let nextItem = 1_000;

  before(async () => {
    source = await startSource(SCHEMA, { max_prepared_transactions: '1' });
  });

  afterEach(() => source.disconnect());

  after(() => source.stop());

  const load = (options: ReplicaOptions = {}): Promise<Replica> =>
    Replica.load(source.pool, makeViewSource(), options);

  /** Inserts a row and logs it; the caller owns the transaction. */
  async function addItem(client: Writer, id = nextItem++): Promise<bigint> {
    await client.query('insert into item values ($1, $2)', [id, `name ${id}`]);
    return await logItem(client, id);
  }

  async function logItem(client: Writer, id: number | string): Promise<bigint> {
    const { rows } = await client.query(
      `insert into ${LOG_TABLE} (object_id, content_type_id, action) values ($1, $2, 'changed') returning id`,
      [String(id), CONTENT_TYPE.item],
    );
    return rows[0].id as bigint;
  }

  /** Resolves when the grace period has passed since the last horizon, by the source's clock. */
  async function outliveGrace({ checkpoint }: Replica): Promise<void> {
    await source.pool.query(
      `select pg_sleep_until(to_timestamp($1::numeric / 1000000) + make_interval(secs => $2))`,
      [checkpoint.horizons.at(-1)?.atMicros ?? 0n, GRACE_SECONDS],
    );
  }

  describe('schedule 1: a higher transaction id, a lower log id, and a snapshot that does not list it', () => {
    async function play(rules: Partial<CaptureRules>): Promise<Replica> {
      const replica = await load({ graceSeconds: GRACE_SECONDS, rules });
      const [c, a] = [await source.connect(), await source.connect()];
      await c.query('begin');
      await c.query('select pg_current_xact_id()');
      await a.query('begin');
      const low = await addItem(a);
      const high = await addItem(c);
      assert.ok(low < high);
      await c.query('commit');
      await replica.capture();
      await outliveGrace(replica);
      await replica.capture();
      await replica.capture();
      await a.query('commit');
      await replica.capture();
      return replica;
    }

    it('I3 captures the log row', async () => {
      await (await play({})).assertEqualsView();
    });

    it('I3 would lose it if pg_snapshot_xmax were the marker', async () => {
      assert.equal(await (await play(MARKER_IS_SNAPSHOT_XMAX)).isEqualToView(), false);
    });
  });

  describe('schedule 2: a log id drawn before its transaction has an id', () => {
    async function play(rules: Partial<CaptureRules>): Promise<Replica> {
      // nextval writes to the WAL, and so gets a transaction id, once for 32 ids: at the first one after setval.
      await source.pool.query(`select setval('${SEQUENCE}', nextval('${SEQUENCE}'))`);
      await source.pool.query(`select nextval('${SEQUENCE}')`);
      await source.pool.query('delete from item where id = $1', [HELD_OBJECT]);
      const replica = await load({ graceSeconds: GRACE_SECONDS, rules });
      const [holder, c, a] = [await source.connect(), await source.connect(), await source.connect()];
      await holder.query(`select pg_advisory_lock(${HOLD_LOCK})`);
      const { rows } = await a.query('select pg_backend_pid() as pid');
      await a.query('begin');
      const inserted = logItem(a, HELD_OBJECT);
      const isHeld = `select count(*) = 1 from pg_locks where pid = $1 and locktype = 'advisory' and not granted`;
      await until(source.pool, `(${isHeld})`, [rows[0].pid]);
      const held = await source.pool.query('select backend_xid from pg_stat_activity where pid = $1', [
        rows[0].pid,
      ]);
      assert.equal(held.rows[0].backend_xid, null, 'the writer should have no transaction id yet');

      const high = await addItem(c);
      await replica.capture();
      await holder.query(`select pg_advisory_unlock(${HOLD_LOCK})`);
      assert.ok((await inserted) < high);
      await a.query(`insert into item values ($1, 'late')`, [HELD_OBJECT]);
      await outliveGrace(replica);
      await replica.capture();
      await replica.capture();
      await a.query('commit');
      await replica.capture();
      return replica;
    }

    it('I3 captures the log row', async () => {
      await (await play({})).assertEqualsView();
    });

    it('I3 would lose it if the marker were drawn at the capture instead of after the grace', async () => {
      assert.equal(await (await play(MARKER_AT_CAPTURE)).isEqualToView(), false);
    });
  });

  describe('schedule 3: a cut batch whose keys have log rows on both sides of the cut', () => {
    async function play(rules: Partial<CaptureRules>): Promise<Replica> {
      const replica = await load({ maxLogRows: 2, rules });
      const [first, second] = [nextItem++, nextItem++];
      const writer = await source.connect();
      await writer.query('begin');
      for (const id of [first, second]) await addItem(writer, id);
      for (const id of [first, second, first]) await logItem(writer, id);
      await addItem(writer);
      await logItem(writer, first);
      await addItem(writer);
      await writer.query('commit');
      await replica.captureAll();
      return replica;
    }

    it('I2 covers every log row', async () => {
      await (await play({})).assertEqualsView();
    });

    it('takes a key again with the log rows behind the cut', async () => {
      const replica = await load({ maxLogRows: 1 });
      const id = nextItem++;
      await addItem(source.pool, id);
      await logItem(source.pool, id);
      const first = await replica.capture();
      await source.pool.query(`update item set name = 'meanwhile' where id = $1`, [id]);
      const second = await replica.capture();
      assert.deepEqual([first.upserts, second.upserts], [1n, 1n]);
      assert.deepEqual([first.cutId === null, second.cutId === null], [false, true]);
      await replica.assertEqualsView();
    });

    it('I2 would lose a log row if the batch were cut at a key', async () => {
      assert.equal(await (await play(CUT_AT_A_KEY)).isEqualToView(), false);
    });
  });

  it('I3 captures rows of savepoints and of nested savepoints, and not what was rolled back to one', async () => {
    const replica = await load();
    const writer = await source.connect();
    await writer.query('begin');
    await addItem(writer);
    await writer.query('savepoint outer_one');
    await addItem(writer);
    await writer.query('savepoint inner_one');
    await addItem(writer);
    await writer.query('rollback to savepoint inner_one');
    await addItem(writer);
    await writer.query('release savepoint outer_one');
    await addItem(source.pool);

    assert.equal((await replica.capture()).logRows, 1n);
    await replica.capture();
    await writer.query('commit');
    assert.equal((await replica.capture()).logRows, 3n);
    await replica.assertEqualsView();
  });

  it('I3 captures what was prepared for a two-phase commit, which no connection holds open', async () => {
    const replica = await load();
    await replica.capture();
    const writer = await source.connect();
    await writer.query('begin');
    await addItem(writer);
    await writer.query(`prepare transaction 'two phases'`);
    await addItem(source.pool);
    for (let captures = 0; captures < 3; captures++) await replica.capture();
    await source.pool.query(`commit prepared 'two phases'`);
    assert.equal((await replica.capture()).logRows, 1n);
    await replica.assertEqualsView();
  });

  it('keeps a rolled-back id as a hole until the floor passes it', async () => {
    const replica = await load();
    const writer = await source.connect();
    await writer.query('begin');
    const hole = await addItem(writer);
    await writer.query('rollback');
    const high = await addItem(source.pool);
    await replica.capture();
    assert.ok(replica.checkpoint.floorId < hole);
    assert.equal(await isSeen(source.pool, replica.checkpoint, hole), false);
    assert.equal(await isSeen(source.pool, replica.checkpoint, high), true);
    await replica.capture();
    assert.equal(replica.checkpoint.floorId, high);
    assert.equal(replica.checkpoint.seen, '{}');
  });

  it('I2 I3 loses nothing behind a long transaction, whose floor stands still and whose seen stays small', async () => {
    const replica = await load();
    await replica.capture();
    const stuckAt = replica.checkpoint.floorId;
    const long = await source.connect();
    await long.query('begin');
    await addItem(long);
    let holes = 1;
    for (let round = 0; round < 30; round++) {
      await addItem(source.pool);
      if (round % 10 === 3) {
        await source.pool.query(`select nextval('${SEQUENCE}')`);
        holes++;
      }
      await replica.capture();
      assert.equal(replica.checkpoint.floorId, stuckAt);
      assert.ok(replica.checkpoint.seen.split('[').length - 1 <= holes + 2);
    }
    await addItem(long);
    await long.query('commit');
    assert.equal((await replica.capture()).logRows, 2n);
    await replica.assertEqualsView();
    await replica.capture();
    assert.ok(replica.checkpoint.floorId > stuckAt);
    assert.equal(replica.checkpoint.seen, '{}');
  });

  it('I8 names the transaction that keeps the floor, with its age', async () => {
    const long = await source.connect();
    await long.query('begin');
    await addItem(long);
    const { rows } = await long.query('select pg_backend_pid() as pid');
    const warnings: { oldestTransaction: { pid: number; ageSeconds: number } }[] = [];
    const log = { warn: (fields: (typeof warnings)[number]) => warnings.push(fields) } as unknown as Logger;
    await warnOfStuckFloor(source.pool, log, 'item_view', 4_000);
    assert.deepEqual(
      warnings.map(({ oldestTransaction }) => [oldestTransaction.pid, oldestTransaction.ageSeconds >= 0]),
      [[rows[0].pid, true]],
    );
  });

  it('I3 captures log ids above 2^53, which no double tells apart', async () => {
    const replica = await load();
    await source.pool.query(`select setval('${SEQUENCE}', 9007199254740993)`);
    const writer = await source.connect();
    await writer.query('begin');
    const low = await addItem(writer);
    const high = await addItem(source.pool);
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
