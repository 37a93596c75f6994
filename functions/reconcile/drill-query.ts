import {
  type DrillQuery,
  joined,
  orderOf,
  partsPerQuery,
  type RowSelection,
} from '../../shared/model/drill.ts';
import type { HashedRow } from '../../shared/model/match-rows.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { ComparedRows } from '../../shared/source/compare-rows.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { checkQuery, describePart, runName } from './compared.ts';
import type { BegunCheck } from './leased-check.ts';
import { atMoment } from './moment.ts';

/** The rows that are compared one by one: a part follows another in the order of the rows. `rowsOf` says about how many rows a bucket has. */
export type Drill = {
  begun: BegunCheck;
  parts: readonly RowSelection[];
  rowsOf: (bucket: number) => number;
};

/** A query of the target, and the keys that were queued at its moment. */
export type StartedQuery = { query: DrillQuery; queuedKeys: readonly string[]; rowsRead: number };

/**
 * Takes the moment of the next parts, and records their query. A streamed target is read at once, since it keeps no history: whoever goes on finds the
 * result.
 */
export async function startQuery(
  drill: Drill,
  firstPart: number,
  dependencies: Dependencies,
): Promise<StartedQuery> {
  const { begun } = drill;
  const { check, viewSource, lease, deadline } = begun;
  const { clock, control } = dependencies;
  const step = `rows-${clock.nowMs()}`;
  return await atMoment(viewSource, runName(check, step), deadline, dependencies, async (held) => {
    const { client, moment, queuedKeys, release } = held;
    const compared = await describePart(client, begun, dependencies);
    const { window } = compared.options;
    const query: DrillQuery = { moment, step, firstPart, partsEnd: endOfQuery(drill, firstPart), window };
    if (viewSource.loadType === 'bq-storage-api') await readTarget(drill, query, compared, 0, dependencies);
    await release();
    await control.consistencyChecks.startDrill(lease, check.id, query, queuedKeys);
    return { query, queuedKeys, rowsRead: 0 };
  });
}

/** Waits for the end of the query, so that the source's snapshots need not. */
export async function finishQuery(
  drill: Drill,
  query: DrillQuery,
  dependencies: Dependencies,
): Promise<void> {
  const compared = await inSnapshot(dependencies.source, (client) =>
    describePart(client, drill.begun, dependencies),
  );
  await readTarget(drill, query, compared, 0, dependencies);
}

/** Runs the query, or finds it, and returns its rows from the row with this number on. */
export async function readTarget(
  { begun, parts }: Drill,
  { firstPart, moment, partsEnd, step, window }: DrillQuery,
  compared: ComparedRows,
  startRow: number,
  { warehouse }: Dependencies,
): Promise<AsyncGenerator<HashedRow>> {
  const then = { ...compared, options: { ...compared.options, window } };
  return await warehouse.readHashes(
    checkQuery(begun, then, moment, step),
    orderOf(begun.plan),
    joined(parts.slice(firstPart, partsEnd)),
    startRow,
    begun.deadline,
  );
}

/** The part before which a query that begins with the part `firstPart` ends. */
function endOfQuery({ begun, parts, rowsOf }: Drill, firstPart: number): number {
  const { buckets } = joined(parts);
  const rows =
    buckets === 'all'
      ? begun.plan.partRows * parts.length
      : buckets.reduce((sum, bucket) => sum + rowsOf(bucket), 0);
  return Math.min(parts.length, firstPart + partsPerQuery(parts.length, rows));
}
