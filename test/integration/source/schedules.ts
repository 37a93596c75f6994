import assert from 'node:assert/strict';
import { capture } from '../../../shared/source/capture.ts';
import { until } from '../../support/until.ts';
import { HELD_OBJECT, HOLD_LOCK, type Items, SEQUENCE } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { type CaptureRules, Replica, type ReplicaOptions } from './replica.ts';
import { LOG_TABLE } from './use-source.ts';

const GRACE_SECONDS = 1;

/** Runs steps of writers and captures in a fixed order, under the given rules. Returns the copy that the captures made. */
export type Schedule = (items: Items, rules: Partial<CaptureRules>) => Promise<Replica>;

/** A transaction draws a log id, another one draws a higher id and commits, and the first commits only then. */
export const commitsLate: Schedule = async (items, rules) => {
  const { source } = items;
  const replica = await load(items, { rules });
  const late = await source.connect();
  await late.query('begin');
  await items.add(late);
  await items.add(source.pool);
  await replica.capture();
  await late.query('commit');
  await replica.capture();
  return replica;
};

/** The same, with captures going on until every horizon is older than the grace period. */
export const outlivesGrace: Schedule = async (items, rules) => {
  const { source } = items;
  const replica = await load(items, { graceSeconds: GRACE_SECONDS, rules });
  const long = await source.connect();
  await long.query('begin');
  await items.add(long);
  await items.add(source.pool);
  await replica.capture();
  await items.outliveGrace(replica, GRACE_SECONDS);
  for (let captures = 0; captures < 3; captures++) {
    await items.add(source.pool);
    await replica.capture();
  }
  await long.query('commit');
  await replica.capture();
  return replica;
};

/** A log row written inside a savepoint, whose transaction commits late. */
export const commitsSavepointLate: Schedule = async (items, rules) => {
  const { source } = items;
  const replica = await load(items, { rules });
  const late = await source.connect();
  await late.query('begin');
  await late.query('select pg_current_xact_id()');
  await late.query('savepoint inner_one');
  await items.add(late);
  await late.query('release savepoint inner_one');
  await items.add(source.pool);
  await replica.capture();
  await late.query('commit');
  await replica.capture();
  return replica;
};

/** A transaction has a higher transaction id and a lower log id than one that committed, and the snapshot does not list it. */
export const drawsLowerIdLater: Schedule = async (items, rules) => {
  const { source } = items;
  const replica = await load(items, { graceSeconds: GRACE_SECONDS, rules });
  const [c, a] = [await source.connect(), await source.connect()];
  await c.query('begin');
  await c.query('select pg_current_xact_id()');
  await a.query('begin');
  const low = await items.add(a);
  const high = await items.add(c);
  assert.ok(low < high);
  await c.query('commit');
  await replica.capture();
  await items.outliveGrace(replica, GRACE_SECONDS);
  await replica.capture();
  await replica.capture();
  await a.query('commit');
  await replica.capture();
  return replica;
};

/** A transaction draws a log id, and gets its transaction id a moment later. */
export const drawsIdEarly: Schedule = async (items, rules) => {
  const { source } = items;
  // nextval writes to the WAL, and so gets a transaction id, only once in 32 ids: at the first one after setval.
  await source.pool.query(`select setval('${SEQUENCE}', nextval('${SEQUENCE}'))`);
  await source.pool.query(`select nextval('${SEQUENCE}')`);
  await source.pool.query('delete from item where id = $1', [HELD_OBJECT]);
  const replica = await load(items, { graceSeconds: GRACE_SECONDS, rules });
  const [holder, a] = [await source.connect(), await source.connect()];
  await holder.query(`select pg_advisory_lock(${HOLD_LOCK})`);
  const { rows } = await a.query('select pg_backend_pid() as pid');
  await a.query('begin');
  const inserted = items.log(a, HELD_OBJECT);
  const isHeld = `select from pg_locks where pid = $1 and locktype = 'advisory' and not granted`;
  await until(async () => (await source.pool.query(isHeld, [rows[0].pid])).rowCount === 1);
  const held = await source.pool.query('select backend_xid from pg_stat_activity where pid = $1', [
    rows[0].pid,
  ]);
  assert.equal(held.rows[0].backend_xid, null, 'the writer should have no transaction id yet');

  const high = await items.add(source.pool);
  await replica.capture();
  await replica.capture();
  await holder.query(`select pg_advisory_unlock(${HOLD_LOCK})`);
  assert.ok((await inserted) < high);
  await a.query(`insert into item (id, name) values ($1, 'late')`, [HELD_OBJECT]);
  await items.outliveGrace(replica, GRACE_SECONDS);
  await replica.capture();
  await replica.capture();
  await a.query('commit');
  await replica.capture();
  return replica;
};

/** A batch is cut, and its keys have log rows on both sides of the cut. */
export const cutsBetweenRowsOfAKey: Schedule = async (items, rules) => {
  const replica = await load(items, { maxLogRows: 2, rules });
  const [first, second] = [items.newId(), items.newId()];
  const writer = await items.source.connect();
  await writer.query('begin');
  for (const id of [first, second]) await items.add(writer, id);
  for (const id of [first, second, first]) await items.log(writer, id);
  await items.add(writer);
  await items.log(writer, first);
  await items.add(writer);
  await writer.query('commit');
  await replica.captureAll();
  return replica;
};

/** A batch is cut among rows that committed late, when a horizon above them matures. */
export const cutsBelowMatureHorizon: Schedule = async (items, rules) => {
  const { source } = items;
  const replica = await load(items, { maxLogRows: 1, rules });
  const late = await source.connect();
  await late.query('begin');
  for (let rows = 0; rows < 3; rows++) await items.add(late);
  await items.add(source.pool);
  await replica.capture();
  await replica.capture();
  await late.query('commit');
  await replica.captureAll();
  return replica;
};

/** A transaction commits after the capture has taken its snapshot and before it reads the log. */
export const commitsDuringCapture: Schedule = async (items, rules) => {
  const replica = await load(items, {
    rules: {
      ...rules,
      capture: async (client, ...given) => {
        if (!isCommitted) await items.add(items.source.pool);
        isCommitted = true;
        return await (rules.capture ?? capture)(client, ...given);
      },
    },
  });
  let isCommitted = false;
  await items.add(items.source.pool);
  await replica.capture();
  await replica.capture();
  return replica;
};

/** A row is deleted and added again, but its log rows are in another order, as django-models-logging may write them. */
export const logsDeleteAfterAdd: Schedule = async (items, rules) => {
  const { pool } = items.source;
  const replica = await load(items, { rules });
  const id = items.newId();
  await pool.query('insert into item (id, name) values ($1, $2)', [id, 'again']);
  await items.log(pool, id, { action: 'added' });
  await items.log(pool, id, { action: 'deleted' });
  await replica.capture();
  return replica;
};

/** A row that had left its view enters it again. The log row lists only the column in the view's WHERE. */
export const entersViewAgain: Schedule = async (items, rules) => {
  const { pool } = items.source;
  const id = items.newId();
  await pool.query('insert into item (id, name, is_hidden) values ($1, $2, true)', [id, 'hidden']);
  const replica = await load(items, { rules });
  await pool.query('update item set is_hidden = false where id = $1', [id]);
  await items.log(pool, id, { data: { is_hidden: { old: true, new: false } } });
  await replica.capture();
  return replica;
};

/** The object id of a log row is spelled differently from the key. */
export const spellsKeyOtherwise: Schedule = async (items, rules) => {
  const { pool } = items.source;
  const replica = await load(items, { rules });
  const id = items.newId();
  await pool.query('insert into item (id, name) values ($1, $2)', [id, 'spelt']);
  await items.log(pool, ` 00${id}`);
  await replica.capture();
  return replica;
};

/** Beside a transaction that stays open, log rows of the view and of other tables alternate. */
export const takesTurnsWithOthers: Schedule = async (items, rules) => {
  const { pool, connect } = items.source;
  const replica = await load(items, { rules });
  const long = await connect();
  await long.query('begin');
  await items.add(long);
  for (let rows = 0; rows < 10; rows++) {
    await items.add(pool);
    await items.log(pool, 'whatever', { type: 'other' });
  }
  await replica.capture();
  return replica;
};

function load(items: Items, options: ReplicaOptions): Promise<Replica> {
  return Replica.load(items.source.pool, makeViewSource(), options);
}

/** Counts the holes among the visible log ids above the floor, and the ranges in the checkpoint's `seen`. */
export async function holesAndRanges(
  items: Items,
  { checkpoint }: Replica,
): Promise<{ holes: number; ranges: number }> {
  const { rows } = await items.source.pool.query(
    `select count(*) filter (where id > before + 1)::int as holes
     from (select id, lag(id, 1, $1::int8) over (order by id) as before from ${LOG_TABLE} where id > $1) visible`,
    [checkpoint.floorId],
  );
  return { holes: rows[0].holes as number, ranges: checkpoint.seen.split('[').length - 1 };
}
