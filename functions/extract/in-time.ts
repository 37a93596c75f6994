import type pg from 'pg';
import { abandon } from '../../shared/batch/abandon-batch.ts';
import { shrinkBatchSize } from '../../shared/batch/batch-size.ts';
import type { Config } from '../../shared/config/config.ts';
import type { EtlTransaction } from '../../shared/control/batches.ts';
import type { StoredCheckpoint } from '../../shared/control/checkpoints.ts';
import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import { destroyConnection, fromPostgres } from '../../shared/postgres/transaction.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';

/** Since which checkpoint a view is captured (null for a whole view), and how many log rows or keys that gave, or may give. */
export type Extent = { stored: StoredCheckpoint | null; size: number };

/** Of a statement that PostgreSQL stopped at its time-out. */
const QUERY_CANCELED = '57014';

/**
 * How much of its size is left to the next try. A try costs the whole time limit, so few of them must find the size that fits; of
 * a capture that did not end it is not known how far it was below its limit.
 */
const COPY_LEAVES = 1 / 4;
const CAPTURE_LEAVES = 1 / 100;

/** Runs `capture`, which reads on `client`; when it is too slow, what follows is as for `stageInTime`. */
export async function captureInTime<T>(
  client: pg.ClientBase,
  extent: Extent,
  { lease, deadlineMs }: { lease: Lease; deadlineMs: number },
  dependencies: Dependencies,
  capture: () => Promise<T>,
): Promise<T> {
  const { clock, config } = dependencies;
  let isTimeUp = false;
  const timer = setTimeout(
    () => {
      isTimeUp = true;
      destroyConnection(client);
    },
    Math.max(0, deadlineMs - clock.nowMs()),
  );
  try {
    return await capture();
  } catch (thrown) {
    const error = fromPostgres(thrown, 'source');
    if (!isTimeUp && error.context.code !== QUERY_CANCELED) throw error;
    const { view } = lease;
    throw new DataHubError(
      await kindOfTooSlow(lease, extent, CAPTURE_LEAVES, dependencies),
      `view ${view}: what there is to do was not found within ${limitsOf(config)}`,
      { context: { view }, advice: CAPTURE_ADVICE, cause: thrown },
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs `stage`, which copies the rows of the lease's batch, until `deadlineMs` by the clock at most: what cannot end in time is
 * stopped in time, and its batch is abandoned at once, with the reason. Changes throw `transient`: the next try captures them again,
 * fewer at a time. A whole view, or a single row that was tried again, would not be copied at the next try either: it throws
 * `configuration`, which halts the view.
 */
export async function stageInTime<T>(
  batch: EtlTransaction,
  extent: Extent,
  held: { lease: Lease; signal: AbortSignal; deadlineMs: number },
  dependencies: Dependencies,
  stage: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, config } = dependencies;
  const timeIsUp = new AbortController();
  const timer = setTimeout(() => timeIsUp.abort(), Math.max(0, held.deadlineMs - clock.nowMs()));
  try {
    return await stage(AbortSignal.any([held.signal, timeIsUp.signal]));
  } catch (error) {
    const isTooSlow =
      timeIsUp.signal.aborted || (error instanceof DataHubError && error.context.code === QUERY_CANCELED);
    if (held.signal.aborted || !isTooSlow) throw error;
    const tooSlow = new DataHubError(
      await kindOfTooSlow(held.lease, extent, COPY_LEAVES, dependencies),
      `view ${batch.view}: the rows of ETL transaction ${batch.id} were not copied within ${limitsOf(config)}`,
      { context: { view: batch.view, etlTransactionId: batch.id }, advice: COPY_ADVICE, cause: error },
    );
    await abandon(held.lease, batch, tooSlow.message, dependencies);
    throw tooSlow;
  } finally {
    clearTimeout(timer);
  }
}

/** `transient` when the next try has less to do, having made it so. */
async function kindOfTooSlow(
  lease: Lease,
  { stored, size }: Extent,
  leaves: number,
  dependencies: Dependencies,
): Promise<'transient' | 'configuration'> {
  const isSmallerNext =
    stored !== null && (await shrinkBatchSize(lease, stored, size * leaves, dependencies));
  return isSmallerNext ? 'transient' : 'configuration';
}

const limitsOf = ({ timeLimitSeconds, statementTimeoutSeconds }: Config): string =>
  `TIME_LIMIT_SECONDS (${timeLimitSeconds}) and STATEMENT_TIMEOUT_SECONDS (${statementTimeoutSeconds})`;

const CAPTURE_ADVICE =
  'Look why the view is slow, for one key or as a whole: a missing index, a join that reads everything, a server that has no time. Or raise the time limits of the function and of its statements. Then resume the view.';
const COPY_ADVICE =
  'Copy a whole view in smaller parts: lower SLICE_ROWS or raise MAX_SLICES. Look why the view is slow for a single key, such as a lock or a missing index. Or raise the time limits of the function and of its statements. Then resume the view.';
