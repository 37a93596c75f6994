import type { DrilledPart } from '../../shared/control/drills.ts';
import type { DifferenceCounts } from '../../shared/model/consistency.ts';
import { isUpTo, orderOf, type RowSelection } from '../../shared/model/drill.ts';
import type { HashedRow } from '../../shared/model/match-rows.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { readHashes } from '../../shared/source/hashed-rows.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { compareHashes } from './compare-hashes.ts';
import { describePart } from './compared.ts';
import { type Drill, finishQuery, readTarget, type StartedQuery, startQuery } from './drill-query.ts';
import { inTime } from './in-time.ts';
import { tooFarBehind, tryFindPending } from './pending.ts';

/**
 * Compares the rows of a view one by one, part by part, and records those that differ. Each part reads the source in a snapshot of its own, and the
 * target from the result of a query, as it was at the query's moment. Any later snapshot goes with that moment, as long as the keys count as pending which log
 * rows name that the snapshot sees and the moment's checkpoint does not cover. Returns null if the time is up; the next call goes on with the
 * parts that are left.
 */
export async function drillDown(
  drill: Drill,
  dependencies: Dependencies,
): Promise<{ counts: DifferenceCounts; pending: number } | null> {
  const { begun, parts } = drill;
  const { check, lease, deadline } = begun;
  const { control, log } = dependencies;
  let finishedStep: string | null = null;
  for (;;) {
    const { partsDone, query, counts, pending, ...read } = await control.consistencyChecks.drill(check.id);
    const part = parts[partsDone];
    if (part === undefined) return { counts, pending };
    if (deadline.isNear()) return null;
    const started = query === null ? await startQuery(drill, partsDone, dependencies) : { query, ...read };
    if (started.query.step !== finishedStep) await finishQuery(drill, started.query, dependencies);
    finishedStep = started.query.step;
    const found = await comparePart(drill, part, started, dependencies);
    if (found === null) {
      if (query === null) throw tooFarBehind(check.view);
      // The log has grown too long since the moment. The parts that are left get another one.
      await control.consistencyChecks.forgetDrillQuery(lease, check.id);
    } else {
      await control.consistencyChecks.noteDrilledPart(lease, check.id, partsDone, found);
      const progress = { reads: 'rows', part: partsDone + 1, parts: parts.length, rows: found.rowsRead };
      log.info({ view: check.view, check: String(check.id), ...progress }, 'check goes on');
    }
  }
}

/** Compares the rows of one part. Returns null if so many log rows have come since the moment that any key may be pending. */
async function comparePart(
  drill: Drill,
  part: RowSelection,
  { query, queuedKeys, rowsRead }: StartedQuery,
  dependencies: Dependencies,
): Promise<DrilledPart | null> {
  const { begun, parts } = drill;
  const { check, viewSource, deadline } = begun;
  const { config, control, source } = dependencies;
  // Read before the snapshot: a batch may bring a queued key at any time, and the key leaves the queue then.
  const queuedNow = await control.queuedKeys.all(viewSource.name, config.maxBatchLogRows + 1);
  const known = [...new Set([...queuedKeys, ...queuedNow])];
  return await inSnapshot(source, async (client) => {
    const now = await describePart(client, begun, dependencies);
    const compared = { ...now, options: { ...now.options, window: query.window } };
    const pending = await tryFindPending(
      { client, moment: query.moment, queuedKeys: known },
      compared.view,
      dependencies,
    );
    if (pending === null) return null;
    const order = orderOf(begun.plan);
    const rows = await readTarget(drill, query, compared, rowsRead, dependencies);
    const target = new RowsOfPart(rows, isUpTo(part, order));
    const sides = { source: readHashes(client, compared, order, part), target };
    const found = await inTime(client, deadline, `the comparison of rows of check ${check.id}`, () =>
      compareHashes(client, compared, sides, pending),
    );
    return { ...found, pending, queuedKeys: known, rowsRead: target.count, parts: parts.length };
  });
}

/** The rows of a result that belong to a part, at which the result begins. Counts them. */
class RowsOfPart implements AsyncIterable<HashedRow> {
  count = 0;
  readonly #rows: AsyncIterable<HashedRow>;
  readonly #isOfPart: (row: HashedRow) => boolean;

  constructor(rows: AsyncIterable<HashedRow>, isOfPart: (row: HashedRow) => boolean) {
    this.#rows = rows;
    this.#isOfPart = isOfPart;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<HashedRow> {
    for await (const row of this.#rows) {
      if (!this.#isOfPart(row)) return;
      this.count += 1;
      yield row;
    }
  }
}
