import type pg from 'pg';
import { shrinkAfter } from '../../shared/batch/batch-size.ts';
import { DeadlineExceeded } from '../../shared/deadline.ts';
import type { ViewFingerprint } from '../../shared/model/view-fingerprint.ts';
import { fromPostgres, QUERY_CANCELED } from '../../shared/postgres/sqlstate.ts';
import { abortable } from '../../shared/postgres/unresponsive.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { type Capture, capture, captureInitial } from '../../shared/source/capture.ts';
import { warnOfStuckFloor } from '../../shared/source/change-log.ts';
import { describeView, type SourceView } from '../../shared/source/describe-view.ts';
import { askedFor, type UnloggedChanges } from '../../shared/source/unlogged-changes.ts';
import { fingerprintView } from '../../shared/source/view-fingerprint.ts';
import { type Extraction, extentOf } from './extraction.ts';
import { isReplaced } from './replaced-view.ts';
import { watchLog } from './watch-log.ts';

export type Captured = { view: SourceView; definition: ViewFingerprint; captured: Capture };

/** The rows in the target were computed by another definition than this one. */
export type Replaced = { replacedBy: ViewFingerprint };

/** The log does not name every row that has changed. */
export type Unlogged = { unlogged: UnloggedChanges };

/** Where a capture that did not finish would have ended is unknown, so few attempts must find a size that fits. */
const CAPTURE_KEEPS = 1 / 100;

const ADVICE =
  'Find out why the view is slow, for one key or as a whole: a missing index, a join that reads everything, a busy server. Or raise the time limits of the function and of its statements. Then resume the view.';

/**
 * Step 2: finds out, in the snapshot of `client`, which rows of the view may have changed. A capture that takes too long is stopped, and
 * the next one is smaller (`shrinkAfter`). Captures nothing if the view was replaced, or if the log does not name all changes.
 */
export async function captureChanges(
  client: pg.ClientBase,
  extraction: Extraction,
  dependencies: Dependencies,
): Promise<Captured | Replaced | Unlogged> {
  const { config } = dependencies;
  const view = await describeView(client, extraction.source, config.contentTypeTable);
  const definition = await fingerprintView(client, view);
  if (await isReplaced(extraction, definition, dependencies)) return { replacedBy: definition };
  const unlogged = await watchLog(client, view, extraction, dependencies);
  if (unlogged !== null) return { unlogged };
  const captured = await captureInTime(client, extraction, dependencies, () =>
    captureOf(client, view, extraction, config.changeLogTable),
  );
  if (captured.resyncId !== null)
    return { unlogged: { reason: askedFor(captured.resyncId, config.changeLogTable) } };
  await warnWhenFloorIsStuck(client, extraction, captured, dependencies);
  await adviseResync(extraction, captured, dependencies);
  return { view, definition, captured };
}

async function captureOf(
  client: pg.ClientBase,
  view: SourceView,
  { checkpoint, queued, size }: Extraction,
  logTable: string,
): Promise<Capture> {
  if (checkpoint !== null) {
    return await capture(client, view, checkpoint, { logTable, ...size, queuedKeys: queued.keys });
  }
  const next = await captureInitial(client, logTable);
  const nothing = { oldestChangeAt: null, cutId: null, unnamedNulls: [], resyncId: null };
  return { logRows: 0n, badKeys: 0n, upserts: 0n, deletes: 0n, ...nothing, next };
}

async function captureInTime<T>(
  client: pg.ClientBase,
  extraction: Extraction,
  dependencies: Dependencies,
  work: () => Promise<T>,
): Promise<T> {
  const { deadline, size, source } = extraction;
  try {
    return await deadline.enforce(`the capture of view ${source.name}`, (signal) =>
      abortable(client, signal, work),
    );
  } catch (thrown) {
    const isTimeUp = thrown instanceof DeadlineExceeded;
    const error = fromPostgres(thrown, 'source');
    if (!isTimeUp && error.context.code !== QUERY_CANCELED) throw error;
    const what = `view ${source.name}: the capture of its changes did not finish`;
    const cause = isTimeUp ? thrown.cause : thrown;
    const slow = { what, advice: ADVICE, keeps: CAPTURE_KEEPS, cause };
    throw await shrinkAfter(slow, extentOf(extraction, size.maxLogRows), dependencies);
  }
}

/** Records, before the checkpoint can move past their log rows, which changes the capture could not find. */
async function adviseResync(
  { lease, size, source }: Extraction,
  { unnamedNulls }: Capture,
  { control, log }: Dependencies,
): Promise<void> {
  if (unnamedNulls.length === 0) return;
  const columns = unnamedNulls.join(' and ');
  const reason = `a row of a lookup was deleted, and ${columns} is NULL in more than ${size.maxNullRows} rows, some of which may have pointed at it`;
  await control.checkpoints.adviseResync(lease, reason);
  log.warn({ view: source.name, reason }, 'resync advised');
}

/** Warns when the floor has not moved since a marker was drawn long ago: a transaction of the source has been open since before. */
async function warnWhenFloorIsStuck(
  client: pg.ClientBase,
  { source, stored }: Extraction,
  { next }: Capture,
  { clock, config, log }: Dependencies,
): Promise<void> {
  const [oldest] = next.horizons;
  if (stored === null || !oldest?.marker || next.floorId !== stored.checkpoint.floorId) return;
  const stuckSeconds = Math.round(clock.nowMs() / 1000 - Number(oldest.atMicros / 1_000_000n));
  if (stuckSeconds > config.floorWarningSeconds)
    await warnOfStuckFloor(client, log, source.name, stuckSeconds);
}
