import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { deletedInside, otherSource } from '../../shared/model/log-origin.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { assertSameSchema, countMissingIds, readLogOrigin } from '../../shared/source/log-origin.ts';
import type { Extraction } from './extraction.ts';

/**
 * Compares the change log with the one that was captured before. Records why changes may be missing: the source is another one, or log rows were
 * deleted before they were captured. Throws `source_refused` if a capture would read a table of the same name in another schema.
 */
export async function watchLog(
  client: pg.ClientBase,
  extraction: Extraction,
  dependencies: Dependencies,
): Promise<void> {
  const { checkpoint, lease } = extraction;
  const { config, control } = dependencies;
  const before = await control.logOrigins.read(lease.view);
  const now = await readLogOrigin(client, config.changeLogTable);
  if (checkpoint !== null) assertSameSchema(before, now, config.changeLogTable);
  if (before === null) {
    await control.logOrigins.record(lease, now);
    return;
  }
  const elsewhere = otherSource(before, now);
  const { rows, noted } = elsewhere === null ? deletedInside(before, now) : { rows: 0n, noted: now };
  const reason = elsewhere ?? (rows === 0n ? null : await lostRows(client, rows, extraction, dependencies));
  if (reason !== null) {
    // Before the origin is recorded, so that an interruption repeats the advice rather than forgets it.
    await control.checkpoints.adviseResync(lease, reason);
    dependencies.log.warn({ view: lease.view, reason }, 'resync advised');
  }
  if (!isDeepStrictEqual(before, noted)) await control.logOrigins.record(lease, noted);
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
