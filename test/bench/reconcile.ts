import pg from 'pg';
import type { Bench } from './bench.ts';
import { type BenchStack, startBenchStack } from './bench-stack.ts';
import { compareCases, type Sample } from './compare-cases.ts';
import { createItems } from './item-source.ts';
import { ITEM_VIEW } from './items.ts';
import { PROFILE_VARIABLE } from './measure.ts';
import { findPeer, type Peer, type PeerRun } from './peer.ts';
import type { ReconcileRound } from './reconcile-round.ts';
import { withServerCpu } from './server-cpu.ts';
import { median } from './spread.ts';

const PROJECT = 'bench-reconcile';
const CONTROL = 'control';
const KEY = 'pm_item_id';
/** The table that the peer compares with the view. */
const COPY = 'item_copy';
/** In the second check of a round, one row in this many differs. */
const DIFFERENT_INTERVAL = 10_000;

type Round = {
  baseline: Sample;
  equal: ReconcileRound;
  different: ReconcileRound;
  /** Equal sides, whose rows are all compared one by one. */
  rowByRow: ReconcileRound;
  peer: PeerRun | null;
};

/**
 * Checks SMartApp's largest view with N rows, each time in its own process: in every round with equal sides, once by sums and once row
 * by row, as a view with FLOAT64 or JSON columns is read, and with one row in 10,000 changed behind the log's back. The baseline lets PostgreSQL hash the rows of the same view. The rates count the function's own work, which is
 * mostly PostgreSQL's; the time it waits for the BigQuery emulator is reported separately. If Python has reladiff or data-diff, that compares the
 * view with a copy of it in the same database.
 */
export const reconcileBench: Bench = {
  maxRows: 999_999_999,
  async run({ rows, rounds, profile, report }) {
    await using stack = await startBenchStack();
    report(`creating ${rows} rows, and loading them`);
    const { postgres, sourceUrl } = stack;
    await createItems(stack, rows);
    const source = new pg.Client(sourceUrl);
    await source.connect();
    await postgres.createDatabase(CONTROL);
    const env = await stack.makeProject(PROJECT, CONTROL);
    const loaded = await stack.runRound<{ rows: number }>('load-item-target', [ITEM_VIEW], env);
    if (loaded.rows !== rows) throw new Error(`${loaded.rows} rows were loaded instead of ${rows}`);
    const peer = await findPeer();
    report(peer === null ? 'Python has neither reladiff nor data-diff: no peer' : `the peer is ${peer.name}`);
    if (peer !== null) await copyView(source);

    const check = checkOf(env, stack);
    const results: Round[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const baseline = await hashRows(source, postgres);
      const equal = await check(0);
      const rowByRow = await check(0, ['row by row']);
      const changed = await toggleRows(source, rows);
      const different = await check(changed);
      const peerRun = await compareByPeer(peer, sourceUrl, changed);
      await toggleRows(source, rows);
      const measured: Round = { baseline, equal, different, rowByRow, peer: peerRun };
      results.push(measured);
      for (const line of describe(round, measured)) report(line);
    }
    const profiled = profile ? await check(0, ['row by row'], { [PROFILE_VARIABLE]: '1' }) : null;
    await source.end();
    const result = resultOf(rows, results);
    return profiled?.profile === undefined ? result : { ...result, profile: profiled.profile };
  },
};

/** Checks the view in a process of its own. Throws unless it finds as many differences as there are. */
function checkOf(env: Record<string, string | undefined>, stack: BenchStack) {
  return async (
    expected: number,
    options: string[] = [],
    settings: Record<string, string> = {},
  ): Promise<ReconcileRound> => {
    const args = [ITEM_VIEW, String(stack.postgres.pid), ...options];
    const result = await stack.runRound<ReconcileRound>('reconcile-round', args, { ...env, ...settings });
    if (result.differences === expected) return result;
    throw new Error(`the check found ${result.differences} differences instead of ${expected}`);
  };
}

async function compareByPeer(peer: Peer | null, url: string, expected: number): Promise<PeerRun | null> {
  if (peer === null) return null;
  const result = await peer.compare(url, [ITEM_VIEW, COPY], KEY);
  if (result.differences === expected) return result;
  throw new Error(`${peer.name} found ${result.differences} differences instead of ${expected}`);
}

async function copyView(source: pg.Client): Promise<void> {
  await source.query(`create table ${COPY} as select * from ${ITEM_VIEW}`);
  await source.query(`alter table ${COPY} add primary key (${KEY})`);
  await source.query(`vacuum analyze ${COPY}`);
}

/** Lets PostgreSQL hash all rows of the view. */
async function hashRows(source: pg.Client, { pid }: BenchStack['postgres']): Promise<Sample> {
  const startedMs = performance.now();
  const { serverCpuSeconds } = await withServerCpu(pid, () =>
    source.query(`select count(*), sum(hashtext(v::text)) from ${ITEM_VIEW} v`),
  );
  return { seconds: (performance.now() - startedMs) / 1000, serverCpuSeconds };
}

/** Changes rows that are spread over the view, without a log row; the second time it changes them back. Returns how many. */
async function toggleRows(source: pg.Client, rows: number): Promise<number> {
  const changed = Math.ceil(rows / DIFFERENT_INTERVAL);
  await source.query(
    `update app_pm_inventory set is_pm = not is_pm
     where id in (select id from app_pm_inventory order by hashint8(id), id limit $1)`,
    [changed],
  );
  return changed;
}

const ownSeconds = ({ seconds, waitedSeconds }: ReconcileRound): number => seconds - waitedSeconds;

function describe(round: number, { baseline, equal, different, rowByRow, peer }: Round): string[] {
  const line = (name: string, each: ReconcileRound) =>
    `  ${name}: ${ownSeconds(each).toFixed(2)} s (plus ${each.waitedSeconds.toFixed(2)} s waiting for BigQuery), ` +
    `read ${kilobytes(each.bytes.source)} kB from PostgreSQL and ${kilobytes(each.bytes.bigquery)} kB from BigQuery, ` +
    `peak ${each.peakRssMb.toFixed(0)} MB`;
  return [
    `round ${round}: hashtext ${baseline.seconds.toFixed(2)} s${peer === null ? '' : `, peer ${peer.seconds.toFixed(2)} s`}`,
    line('equal sides', equal),
    line('equal sides, row by row', rowByRow),
    line(`${different.differences} different rows`, different),
  ];
}

const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(0);

function resultOf(rows: number, rounds: readonly Round[]): object {
  const samplesOf = (name: 'equal' | 'different' | 'rowByRow'): Sample[] =>
    rounds.map(({ [name]: round }) => ({ ...round, seconds: ownSeconds(round) }));
  const result = compareCases(rows, {
    'equal sides': samplesOf('equal'),
    hashtext: rounds.map(({ baseline }) => baseline),
    'equal sides, row by row': samplesOf('rowByRow'),
    'different rows': samplesOf('different'),
  });
  const peers = rounds.flatMap(({ peer }) => (peer === null ? [] : [peer.seconds]));
  const rate = (seconds: number[]): number => Math.round(rows / median(seconds));
  return {
    ...result,
    peak_rss_mb: Math.max(...Object.values(result.cases).map(({ peak_rss_mb: peak }) => peak ?? 0)),
    different_rows: rounds[0]?.different.differences,
    different_rows_per_second: rate(rounds.map(({ different }) => ownSeconds(different))),
    row_by_row_rows_per_second: rate(rounds.map(({ rowByRow }) => ownSeconds(rowByRow))),
    equal_bytes: bytesOf(rounds.map(({ equal }) => equal)),
    different_bytes: bytesOf(rounds.map(({ different }) => different)),
    peer_rows_per_second: peers.length === 0 ? null : rate(peers),
  };
}

function bytesOf(rounds: readonly ReconcileRound[]): { source: number; bigquery: number } {
  return {
    source: median(rounds.map(({ bytes }) => bytes.source)),
    bigquery: median(rounds.map(({ bytes }) => bytes.bigquery)),
  };
}
