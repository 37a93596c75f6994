import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { deletedInside, otherLog, otherSource } from '../../shared/model/log-origin.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { assertSameSchema, countMissingIds, readLogOrigin } from '../../shared/source/log-origin.ts';
import {
  lastResyncRow,
  type UnloggedChanges,
  unloggedChanges,
} from '../../shared/source/unlogged-changes.ts';
import type { Extraction } from './extraction.ts';

/**
 * Compares the change log with the one that was captured before. Records why changes may be missing: the source is another one, or log rows were
 * deleted before they were captured. Returns why the view must be loaded as a whole, and records nothing then: the log is another table, or a log row
 * that asks for it was passed by. Throws `source_refused` if a capture would read a table of the same name in another schema.
 */
export async function watchLog(
  client: pg.ClientBase,
  view: SourceView,
  extraction: Extraction,
  dependencies: Dependencies,
): Promise<UnloggedChanges | null> {
  const { checkpoint, lease } = extraction;
  const { config, control } = dependencies;
  const logTable = config.changeLogTable;
  const [before, found] = await Promise.all([
    control.logOrigins.read(lease.view),
    readLogOrigin(client, logTable),
  ]);
  if (checkpoint !== null) {
    const unlogged = await unloggedChanges(client, view, checkpoint, { before, now: found, logTable });
    if (unlogged !== null) return unlogged;
    assertSameSchema(before, found, logTable);
  }
  const isOther = before !== null && otherLog(before, found) !== null;
  // The request of this whole load may be withdrawn: the new log is noted only when no checkpoint of the other one is left.
  if (isOther) await control.checkpoints.forget(lease);
  const resyncId =
    checkpoint === null ? await lastResyncRow(client, view, logTable) : (before?.resyncId ?? 0n);
  const now = { ...found, resyncId };
  if (before === null) {
    await control.logOrigins.record(lease, now);
    return null;
  }
  const elsewhere = otherSource(before, now);
  const { rows, noted } =
    elsewhere === null && !isOther ? deletedInside(before, now) : { rows: 0n, noted: now };
  const reason = elsewhere ?? (rows === 0n ? null : await lostRows(client, rows, extraction, dependencies));
  if (reason !== null) {
    // Before the origin is recorded, so that an interruption repeats the advice rather than forgets it.
    await control.checkpoints.adviseResync(lease, reason);
    dependencies.log.warn({ view: lease.view, reason }, 'resync advised');
  }
  if (!isDeepStrictEqual(before, noted)) await control.logOrigins.record(lease, noted);
  return null;
}

/** Why changes may have been lost with so many rows that were deleted from the middle of the log; null if no later row is missing. */
async function lostRows(
  client: pg.ClientBase,
  rows: bigint,
  { checkpoint }: Extraction,
  { config }: Dependencies,
): Promise<string | null> {
  const witness = checkpoint?.witness ?? null;
  if (witness === null) return null;
  const missing = await countMissingIds(client, config.changeLogTable, witness.id);
  if (missing <= 0n) return null;
  return `${rows} rows were deleted from the middle of ${config.changeLogTable}, and ${missing} ids above ${witness.id}, the last one captured, are missing: changes may have been deleted before they were captured`;
}
