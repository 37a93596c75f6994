import type { Config } from '../config/config.ts';
import type { StoredCheckpoint } from '../control/checkpoints.ts';
import type { Lease } from '../control/leases.ts';
import { DataHubError } from '../errors.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

const GROWTH = 2;

/** A view whose changes are a tenth of the log still gets full batches. */
const READ_ROWS_PER_LOG_ROW = 10;
/** Reading this many log rows takes almost no time, however small the batch. */
const MIN_READ_ROWS = 100_000;

/**
 * Maximum number of log rows of the view (and of queued keys) in its next batch, of log rows of any table that the capture of that
 * batch reads, and of rows that it fetches because they may have lost their lookup row.
 */
export type BatchSize = { maxLogRows: number; maxReadRows: number; maxNullRows: number };

/** What a batch is computed from: the stored checkpoint, null for a whole view, and how many log rows or keys it has or may have. */
export type BatchExtent = { lease: Lease; stored: StoredCheckpoint | null; rows: number };

/** The size of the view's next batch. */
export function batchSize(stored: StoredCheckpoint | null, { maxBatchLogRows }: Config): BatchSize {
  const maxLogRows = Math.min(stored?.maxLogRows ?? maxBatchLogRows, maxBatchLogRows);
  const maxReadRows = Math.max(MIN_READ_ROWS, READ_ROWS_PER_LOG_ROW * maxLogRows);
  return { maxLogRows, maxReadRows, maxNullRows: maxLogRows };
}

/** A step of extract that was too slow for a batch. */
type SlowStep = {
  /** Begins the error's message and says what did not finish. */
  what: string;
  advice: string;
  /** How much of the batch's size the next attempt keeps. */
  keeps: number;
  cause: unknown;
};

/**
 * Makes the view's next batches smaller after one that was too slow, and returns the error to throw. It is `transient` when the next
 * attempt has less to do. It is `configuration`, which halts the view, for a whole view, and for a single row that was too slow twice: the
 * next attempt would not finish either.
 */
export async function shrinkAfter(
  { what, advice, keeps, cause }: SlowStep,
  extent: BatchExtent,
  dependencies: Dependencies,
): Promise<DataHubError> {
  const { timeLimitSeconds, statementTimeoutSeconds } = dependencies.config;
  const isSmallerNext = await shrink(extent, keeps, dependencies);
  return new DataHubError(
    isSmallerNext ? 'transient' : 'configuration',
    `${what} within TIME_LIMIT_SECONDS (${timeLimitSeconds}) and STATEMENT_TIMEOUT_SECONDS (${statementTimeoutSeconds})`,
    { context: { view: extent.lease.view }, advice, cause },
  );
}

/** Returns false when the next batch cannot be smaller. A single row gets a second attempt, since something may have blocked it. */
async function shrink(
  { lease, stored, rows }: BatchExtent,
  keeps: number,
  { control, log }: Dependencies,
): Promise<boolean> {
  if (stored === null || stored.maxLogRows === 1) return false;
  const maxLogRows = Math.max(1, Math.ceil(rows * keeps));
  await control.checkpoints.setBatchSize(lease, maxLogRows);
  log.warn({ view: lease.view, maxLogRows }, 'batch size reduced');
  return true;
}

/** Makes the view's next batches larger again after one that was at least half full and took less than half of its time. */
export async function growAfter(
  { lease, stored, rows }: BatchExtent,
  durationMs: number,
  { config, control }: Dependencies,
): Promise<void> {
  if (stored === null || stored.maxLogRows === null) return;
  const limitMs = Math.min(config.timeLimitSeconds, config.statementTimeoutSeconds) * 1000;
  if (durationMs > limitMs / GROWTH || rows < stored.maxLogRows / GROWTH) return;
  const maxLogRows = stored.maxLogRows * GROWTH;
  await control.checkpoints.setBatchSize(lease, maxLogRows < config.maxBatchLogRows ? maxLogRows : null);
}
