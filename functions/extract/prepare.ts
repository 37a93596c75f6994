import type pg from 'pg';
import { assertMayEvolve, needsWholeView } from '../../shared/batch/evolve.ts';
import { assertOwnTarget } from '../../shared/batch/own-target.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import type { StreamHighWater } from '../../shared/staging/staging.ts';
import { ledgerGone, targetGone } from '../../shared/warehouse/tables-gone.ts';
import type { Layout } from '../../shared/warehouse/tables-sql.ts';
import { isArranged } from './change-target.ts';
import type { Extraction } from './extraction.ts';
import { keepReportingView } from './make-reporting-view.ts';
import { makeTables } from './make-tables.ts';
import { openTarget } from './open-target.ts';
import { watchTarget } from './watch-target.ts';

export type Preparation = {
  /** For a streamed view: the last batch that was streamed, as the bucket records it. */
  highWater: StreamHighWater | null;
  /** Whether a load job brings the whole view straight into its target, which has no rows and was never streamed into. */
  isDirectLoad: boolean;
  /** Rows of the target, without deleted ones, before a complete batch; null for other batches. */
  targetRows: bigint | null;
};

/**
 * Step 3: creates the view's BigQuery objects when they are missing or another release created them, lets its tables follow the columns of
 * the view and its view source, and raises the generator of batch ids above every id that the target has met. Decides how the batch is
 * staged, or that it must carry the whole view. Throws `schema_drift` naming every difference that cannot be followed, and `configuration`
 * when the target or the ledger of a loaded view is gone, and what `openTarget` and `makeTables` throw.
 */
export async function prepare(
  client: pg.ClientBase,
  extraction: Extraction,
  view: SourceView,
  dependencies: Dependencies,
): Promise<Preparation | 'needs the whole view'> {
  const { source, stored } = extraction;
  const { control, staging, warehouse } = dependencies;
  const { shape } = view;
  const wasLoaded = stored !== null;
  const layout: Layout = source;
  const isStreamed = source.loadType === 'bq-storage-api';
  if (!wasLoaded) await openTarget(client, extraction, view, dependencies);
  const comparison = await warehouse.compareTables(shape);
  const { missing, target } = comparison;
  if (wasLoaded) await assertOwnTarget(source.name, target, dependencies);
  if (wasLoaded && missing.includes('target')) throw targetGone(source);
  if (wasLoaded && missing.includes('ledger')) throw ledgerGone(source.name);
  if (wasLoaded && target !== null) await watchTarget(extraction, target, dependencies);
  const evolution = warehouse.planEvolution(comparison, { shape, layout }, source);
  assertMayEvolve(source, evolution);
  if (needsWholeView(stored, evolution)) return 'needs the whole view';
  const fingerprint = warehouse.fingerprint({ shape, layout, dropped: evolution.dropped });
  // A merge refuses an id that its target has met; BigQuery would silently ignore the rows of a stream (I7).
  const highWater = isStreamed ? await staging.readStreamHighWater(source.name) : null;
  const streamedId = highWater?.batchId ?? null;
  if (streamedId !== null) await control.batchIds.raise(streamedId);
  const isCreated =
    missing.length === 0 &&
    evolution.statements.length === 0 &&
    isArranged(source, comparison, evolution) &&
    // Another one's label was refused above.
    target?.installation != null &&
    source.warehouseFingerprint === fingerprint &&
    hasKnownColumns(source);
  // A whole view is compared with its target at every attempt, even after one that created everything.
  if (isCreated && wasLoaded && !(isStreamed && streamedId === null)) {
    await keepReportingView(extraction, shape, dependencies);
    return { highWater, isDirectLoad: false, targetRows: null };
  }
  const plan = { comparison, evolution, fingerprint };
  const { targetRows, isEmpty } = await makeTables(extraction, view, plan, dependencies);
  // Loaded rows have no sequence number: streamed rows that arrive late would overwrite them.
  const isDirectLoad = !wasLoaded && highWater === null && isEmpty;
  return { highWater, isDirectLoad, targetRows: wasLoaded ? null : targetRows };
}

/** Release 0.2.0 did not record the columns that a view has had: a column that is dropped later would be taken for somebody else's. */
export const hasKnownColumns = ({ knownColumns }: ViewSource): boolean => knownColumns.length > 0;
