import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { capture } from '../../../shared/source/capture.ts';
import { explaining, type Reads } from './explaining.ts';
import { Items } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { Replica } from './replica.ts';
import { CONTENT_TYPE, LOG_TABLE, useSource } from './use-source.ts';

const RECOMMENDED_INDEX = new URL('../../../sql/source/recommended-index.sql', import.meta.url);

const SMALL_CHANGE_ROWS = 10;
const SHORT_LOG_ROWS = 5_000;
const LONG_LOG_ROWS = 50_000;
/** Each capture also looks up the first and the last log row and the witness. */
const ROWS_LOOKED_UP = 5;
/** Each index of a longer log may have one more level to descend. */
const BUFFERS_DEEPER = 8;
const READ_ROWS = 1_000;
const HOLE_ROWS = 50;

describe('capture', () => {
  const items = new Items(useSource(Items.SCHEMA));

  /** Writes so many log rows, a fifth of them for the view. */
  async function log(rows: number): Promise<void> {
    await items.source.pool.query(
      `insert into ${LOG_TABLE} (object_id, content_type_id, action)
       select i::text, case when i % 5 = 0 then ${CONTENT_TYPE.item} else ${CONTENT_TYPE.other} end, 'changed'
       from generate_series(1, $1::int) i`,
      [rows],
    );
    await items.source.pool.query(`analyze ${LOG_TABLE}`);
  }

  /** A view that is far behind, so that a capture reads only a part of the log. Adds what the captures read to `reads`. */
  async function farBehind(reads: Reads): Promise<Replica> {
    const { pool } = items.source;
    await pool.query(`truncate ${LOG_TABLE}, item restart identity`);
    const replica = await Replica.load(pool, makeViewSource(), {
      maxReadRows: READ_ROWS,
      rules: { capture: (client, ...given) => capture(explaining(client, reads), ...given) },
    });
    await log(SHORT_LOG_ROWS);
    return replica;
  }

  /** What the capture of a small change reads if so many log rows before it are covered. */
  async function readsBehind(logRows: number, isBesideLongTransaction: boolean): Promise<Reads> {
    const { pool, connect } = items.source;
    await pool.query(`truncate ${LOG_TABLE}, item`);
    const reads: Reads = { logRows: 0, buffers: 0 };
    let isMeasured = false;
    const replica = await Replica.load(pool, makeViewSource(), {
      maxLogRows: LONG_LOG_ROWS,
      rules: {
        capture: (client, ...given) => capture(isMeasured ? explaining(client, reads) : client, ...given),
      },
    });
    if (isBesideLongTransaction) {
      const long = await connect();
      await long.query('begin');
      await items.add(long);
    }
    await log(logRows);
    for (let captures = 0; captures < 3; captures++) await replica.capture();
    for (let rows = 0; rows < SMALL_CHANGE_ROWS; rows++) await items.add(pool);
    isMeasured = true;
    assert.equal((await replica.capture()).logRows, BigInt(SMALL_CHANGE_ROWS));
    await items.source.disconnect();
    return reads;
  }

  async function assertBounded({ isBesideLongTransaction }: { isBesideLongTransaction: boolean }) {
    const short = await readsBehind(SHORT_LOG_ROWS, isBesideLongTransaction);
    const long = await readsBehind(LONG_LOG_ROWS, isBesideLongTransaction);
    assert.ok(long.logRows <= SMALL_CHANGE_ROWS + ROWS_LOOKED_UP, JSON.stringify({ short, long }));
    assert.ok(long.buffers <= short.buffers + BUFFERS_DEEPER, JSON.stringify({ short, long }));
  }

  for (const [indexes, statement] of [
    ['with only the primary key of the change log', () => 'select'],
    ['with the recommended index', () => readFile(RECOMMENDED_INDEX, 'utf8')],
  ] as const) {
    describe(indexes, () => {
      before(async () => items.source.pool.query(await statement()));

      it('reads no more of a long log than of a short one for a small change', () =>
        assertBounded({ isBesideLongTransaction: false }));

      it('reads no more of a long log for a small change beside a transaction that stays open', () =>
        assertBounded({ isBesideLongTransaction: true }));

      it('reads a part of the log if the view is far behind, and the rest in the captures that follow', async () => {
        const reads: Reads = { logRows: 0, buffers: 0 };
        const replica = await farBehind(reads);

        assert.equal((await replica.capture()).logRows, BigInt(READ_ROWS / 5));
        assert.ok(reads.logRows <= READ_ROWS + 1 + ROWS_LOOKED_UP, JSON.stringify(reads));
        assert.equal(await replica.captureAll(), SHORT_LOG_ROWS / READ_ROWS - 1);
        await replica.assertEqualsView();
      });

      it('reads a part of the log rows that lie in many holes, and the rest in the captures that follow', async () => {
        const reads: Reads = { logRows: 0, buffers: 0 };
        const replica = await farBehind(reads);
        const { rows } = await items.source.pool.query(
          `select range_agg(int8range(id, id + $1))::text as seen from generate_series(1, $2::int8, 2 * $1) id`,
          [HOLE_ROWS, SHORT_LOG_ROWS],
        );
        replica.checkpoint = { ...replica.checkpoint, seen: rows[0].seen as string };

        assert.equal((await replica.capture()).logRows, BigInt(READ_ROWS / 5));
        assert.ok(reads.logRows <= READ_ROWS + 1 + 2 * HOLE_ROWS + ROWS_LOOKED_UP, JSON.stringify(reads));
        assert.equal(await replica.captureAll(), 2);
      });
    });
  }
});
