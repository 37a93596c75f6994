import type { Config } from '../config/config.ts';
import type { StoredCheckpoint } from '../control/checkpoints.ts';
import type { Lease } from '../control/leases.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

const GROWTH = 2;

/** A view whose changes are a tenth of the log still gets whole batches. */
const READ_FOR_EACH = 10;
/** So many log rows are read in no time, however small the batch. */
const READ_AT_LEAST = 100_000;

/** How many log rows of the view (and how many queued keys) its next batch may have, and how many of all tables it may read. */
export type BatchSize = { maxLogRows: number; maxReadRows: number };

export function batchSizeLimit(stored: StoredCheckpoint | null, { maxBatchLogRows }: Config): BatchSize {
  const maxLogRows = Math.min(stored?.maxLogRows ?? maxBatchLogRows, maxBatchLogRows);
  return { maxLogRows, maxReadRows: Math.max(READ_AT_LEAST, READ_FOR_EACH * maxLogRows) };
}

/**
 * After one that was too slow: the view's next batches have `size` log rows or keys at most, and at least one. False when that was
 * their limit already: a single row gets a second try, since something may have been in its way.
 */
export async function shrinkBatchSize(
  lease: Lease,
  stored: StoredCheckpoint,
  size: number,
  { control, log }: Dependencies,
): Promise<boolean> {
  if (stored.maxLogRows === 1) return false;
  const maxLogRows = Math.max(1, Math.ceil(size));
  await control.setBatchSize(lease, maxLogRows);
  log.warn({ view: lease.view, maxLogRows }, 'batches made smaller');
  return true;
}

/** Lets the view's next batches be larger again when one that was half full at least took less than half of its time. */
export async function growBatchSize(
  lease: Lease,
  stored: StoredCheckpoint | null,
  batch: { size: number; durationMs: number },
  { config, control }: Dependencies,
): Promise<void> {
  if (stored === null || stored.maxLogRows === null) return;
  const limitMs = Math.min(config.timeLimitSeconds, config.statementTimeoutSeconds) * 1000;
  if (batch.durationMs > limitMs / GROWTH || batch.size < stored.maxLogRows / GROWTH) return;
  const maxLogRows = stored.maxLogRows * GROWTH;
  await control.setBatchSize(lease, maxLogRows < config.maxBatchLogRows ? maxLogRows : null);
}
