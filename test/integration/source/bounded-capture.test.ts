import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { capture } from '../../../shared/source/capture.ts';
import { Items } from './items.ts';
import { makeViewSource } from './make-view-source.ts';
import { explaining, type Reads } from './reads.ts';
import { Replica } from './replica.ts';
import { CONTENT_TYPE, LOG_TABLE, startSource } from './start-source.ts';

const RECOMMENDED_INDEX = new URL('../../../sql/source/recommended-index.sql', import.meta.url);

const SMALL_CHANGE_ROWS = 10;
const [SHORT_LOG, LONG_LOG] = [5_000, 50_000];

describe('capture of a small change', () => {
  let items: Items;

  before(async () => {
    items = new Items(await startSource(Items.SCHEMA));
  });
  afterEach(() => items.source.disconnect());
  after(() => items.source.stop());

  /** What a capture reads behind that much covered traffic of all types. */
  async function readsBehind(logRows: number, { besideLongTransaction }: { besideLongTransaction: boolean }) {
    const { pool, connect } = items.source;
    await pool.query(`truncate ${LOG_TABLE}, item`);
    const reads: Reads = { logRows: 0, buffers: 0 };
    const replica = await Replica.load(pool, makeViewSource(), {
      maxLogRows: LONG_LOG,
      rules: {
        capture: (client, ...given) => capture(isMeasuring ? explaining(client, reads) : client, ...given),
      },
    });
    let isMeasuring = false;
    const long = await connect();
    await long.query('begin');
    if (besideLongTransaction) await items.add(long);
    await pool.query(
      `insert into ${LOG_TABLE} (object_id, content_type_id, action)
       select i::text, case when i % 5 = 0 then ${CONTENT_TYPE.item} else ${CONTENT_TYPE.other} end, 'changed'
       from generate_series(1, $1::int) i`,
      [logRows],
    );
    await pool.query(`vacuum analyze ${LOG_TABLE}`);
    for (let captures = 0; captures < 3; captures++) await replica.capture();
    for (let rows = 0; rows < SMALL_CHANGE_ROWS; rows++) await items.add(pool);
    isMeasuring = true;
    assert.equal((await replica.capture()).logRows, BigInt(SMALL_CHANGE_ROWS));
    await long.query('rollback');
    return reads;
  }

  async function assertBounded(besideLongTransaction: boolean): Promise<void> {
    const short = await readsBehind(SHORT_LOG, { besideLongTransaction });
    const long = await readsBehind(LONG_LOG, { besideLongTransaction });
    console.log(short, long);
  }

  describe('with the indexes of the package', () => {
    it('reads no more of a long log than of a short one', () => assertBounded(false));
    it('beside a long transaction reads no more of a long log than of a short one', () =>
      assertBounded(true));
  });

  describe('with the recommended index', () => {
    before(async () => {
      await items.source.pool.query(await readFile(RECOMMENDED_INDEX, 'utf8'));
    });
    it('reads no more of a long log than of a short one', () => assertBounded(false));
    it('beside a long transaction reads no more of a long log than of a short one', () =>
      assertBounded(true));
  });
});
