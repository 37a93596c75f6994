import { Items, SEQUENCE } from '../integration/source/items.ts';
import { makeViewSource } from '../integration/source/make-view-source.ts';
import { Replica } from '../integration/source/replica.ts';
import { CONTENT_TYPE, LOG_TABLE, Source } from '../integration/source/use-source.ts';
import type { Bench } from './bench.ts';
import { compareCases, type Sample } from './compare-cases.ts';
import { measure } from './measure.ts';
import { withServerCpu } from './server-cpu.ts';

const CHANGED_ROWS = 10;
const CAPTURES = 20;
/** One in this many log rows belongs to the captured view. */
const VIEW_INTERVAL = 5;
/** One in this many log ids is a hole, because its transaction was rolled back. */
const HOLE_INTERVAL = 100;

/**
 * Captures small changes after N log rows that were written and captured while one transaction stayed open. The baseline does the
 * same without an open transaction. The rate counts changed rows, from drawing the marker to fetching the rows, without staging.
 */
export const captureBench: Bench = {
  maxRows: 5_000_000,
  async run({ rows, rounds, report }) {
    const items = new Items(await new Source().start(Items.SCHEMA));
    try {
      const besideLong: Sample[] = [];
      const without: Sample[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        const baseline = await captureBehind(items, rows, { hasLongTransaction: false });
        const withLong = await captureBehind(items, rows, { hasLongTransaction: true });
        without.push(baseline);
        besideLong.push(withLong);
        const eachMs = (total: number) => `${((total * 1000) / CAPTURES).toFixed(1)} ms`;
        report(
          `round ${round}: a capture of ${CHANGED_ROWS} rows takes ${eachMs(withLong.seconds)} beside a long transaction, ` +
            `${eachMs(baseline.seconds)} without`,
        );
      }
      const result = compareCases(CHANGED_ROWS * CAPTURES, {
        'beside a long transaction': besideLong,
        'without one': without,
      });
      const read = await readOfOthers(items, rows);
      report(
        `a capture that reads ${rows} new log rows of other views takes ${read.seconds.toFixed(2)} s, CPU of PostgreSQL ${read.serverCpuSeconds ?? 'unknown'} s`,
      );
      return {
        ...result,
        rows,
        log_rows_of_others: { rows, seconds: read.seconds, server_cpu_seconds: read.serverCpuSeconds },
      };
    } finally {
      await items.source.stop();
    }
  },
};

/** One capture of a view without changes, after so many new log rows of other views: it reads them all, since their ids are no holes. */
async function readOfOthers(items: Items, logRows: number): Promise<Sample> {
  const { pool, postgres } = items.source;
  await pool.query(`truncate ${LOG_TABLE}, item restart identity`);
  const replica = await Replica.load(pool, makeViewSource(), { maxLogRows: logRows, maxReadRows: logRows });
  await pool.query(
    `insert into ${LOG_TABLE} (object_id, content_type_id, action)
     select i::text, ${CONTENT_TYPE.other}, 'changed' from generate_series(1, $1::int) i`,
    [logRows],
  );
  await pool.query(`vacuum analyze ${LOG_TABLE}`);
  const startedMs = performance.now();
  const { serverCpuSeconds } = await withServerCpu(postgres.pid, () => replica.capture());
  const seconds = (performance.now() - startedMs) / 1000;
  return { seconds: Number(seconds.toFixed(3)), serverCpuSeconds };
}

async function captureBehind(
  items: Items,
  logRows: number,
  { hasLongTransaction }: { hasLongTransaction: boolean },
): Promise<Sample> {
  const { pool, connect, postgres } = items.source;
  await pool.query(`truncate ${LOG_TABLE}, item restart identity`);
  const replica = await Replica.load(pool, makeViewSource(), { maxLogRows: logRows });
  if (hasLongTransaction) {
    const long = await connect();
    await long.query('begin');
    await items.add(long);
  }
  await pool.query(
    `insert into ${LOG_TABLE} (object_id, content_type_id, action)
     select i::text, case when i % ${VIEW_INTERVAL} = 0 then ${CONTENT_TYPE.item} else ${CONTENT_TYPE.other} end, 'changed'
     from generate_series(1, $1::int) i
     where i % ${HOLE_INTERVAL} > 0 or nextval('${SEQUENCE}') > 0`,
    [logRows],
  );
  await pool.query(`analyze ${LOG_TABLE}`);
  // The first adds a horizon, the second draws its marker, the third moves the floor.
  for (let captures = 0; captures < 3; captures += 1) await replica.captureAll();
  const { result, measured } = await measure(async () => {
    let captureMs = 0;
    let serverCpu: number | null = 0;
    for (let captures = 0; captures < CAPTURES; captures += 1) {
      for (let rows = 0; rows < CHANGED_ROWS; rows += 1) await items.add(pool);
      const { serverCpuSeconds } = await withServerCpu(postgres.pid, async () => {
        const startedMs = performance.now();
        await replica.capture();
        captureMs += performance.now() - startedMs;
      });
      serverCpu = serverCpu === null || serverCpuSeconds === null ? null : serverCpu + serverCpuSeconds;
    }
    return { seconds: captureMs / 1000, serverCpuSeconds: serverCpu };
  });
  await items.source.disconnect();
  return { ...result, peakRssMb: measured.peakRssMb };
}
