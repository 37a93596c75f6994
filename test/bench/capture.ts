import { Items, SEQUENCE } from '../integration/source/items.ts';
import { makeViewSource } from '../integration/source/make-view-source.ts';
import { Replica } from '../integration/source/replica.ts';
import { CONTENT_TYPE, LOG_TABLE, Source } from '../integration/source/use-source.ts';
import { type Bench, benchResult } from './bench.ts';
import { measure } from './measure.ts';

const CHANGED_ROWS = 10;
const CAPTURES = 20;
/** Of the log rows, one in so many is of the captured view, and one in so many is a hole: its transaction was rolled back. */
const OF_VIEW = 5;
const HOLE = 100;

/**
 * Captures small changes behind N log rows that were written while a transaction stayed open and that
 * have been captured; and, as the baseline, behind as many with no transaction open. The rate counts changed rows, from the
 * marker to the fetched rows, without staging them.
 */
export const captureBench: Bench = {
  maxRows: 5_000_000,
  async run({ rows, rounds, report }) {
    const items = new Items(await new Source().start(Items.SCHEMA));
    try {
      const seconds: number[] = [];
      const baselineSeconds: number[] = [];
      const peakRssMb: number[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        const baseline = await captureBehind(items, rows, { isBesideLongTransaction: false });
        const beside = await captureBehind(items, rows, { isBesideLongTransaction: true });
        baselineSeconds.push(baseline.seconds);
        seconds.push(beside.seconds);
        peakRssMb.push(baseline.peakRssMb, beside.peakRssMb);
        const eachMs = (total: number) => `${((total * 1000) / CAPTURES).toFixed(1)} ms`;
        report(
          `round ${round}: a capture of ${CHANGED_ROWS} rows takes ${eachMs(beside.seconds)} beside a long transaction, ` +
            `${eachMs(baseline.seconds)} without`,
        );
      }
      const result = benchResult({ rows: CHANGED_ROWS * CAPTURES, seconds, baselineSeconds, peakRssMb });
      return { ...result, rows };
    } finally {
      await items.source.stop();
    }
  },
};

async function captureBehind(
  items: Items,
  logRows: number,
  { isBesideLongTransaction }: { isBesideLongTransaction: boolean },
) {
  const { pool, connect } = items.source;
  await pool.query(`truncate ${LOG_TABLE}, item restart identity`);
  const replica = await Replica.load(pool, makeViewSource(), { maxLogRows: logRows });
  if (isBesideLongTransaction) {
    const long = await connect();
    await long.query('begin');
    await items.add(long);
  }
  await pool.query(
    `insert into ${LOG_TABLE} (object_id, content_type_id, action)
     select i::text, case when i % ${OF_VIEW} = 0 then ${CONTENT_TYPE.item} else ${CONTENT_TYPE.other} end, 'changed'
     from generate_series(1, $1::int) i
     where i % ${HOLE} > 0 or nextval('${SEQUENCE}') > 0`,
    [logRows],
  );
  await pool.query(`analyze ${LOG_TABLE}`);
  // The second and third find the marker and the mature horizon.
  for (let captures = 0; captures < 3; captures += 1) await replica.captureAll();
  const { result: seconds, measured } = await measure(async () => {
    let captureMs = 0;
    for (let captures = 0; captures < CAPTURES; captures += 1) {
      for (let rows = 0; rows < CHANGED_ROWS; rows += 1) await items.add(pool);
      const startedMs = performance.now();
      await replica.capture();
      captureMs += performance.now() - startedMs;
    }
    return captureMs / 1000;
  });
  await items.source.disconnect();
  return { seconds, peakRssMb: measured.peakRssMb };
}
