import type { EtlTransaction } from '../../shared/control/etl-transactions.ts';
import type { Lease } from '../../shared/control/leases.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { Dependencies } from '../dependencies.ts';

/** Of a statement that PostgreSQL stopped at its time-out. */
const QUERY_CANCELED = '57014';

/**
 * Runs `stage`, which copies the rows of the lease's batch, until `deadlineMs` by the clock at most: what cannot end in time is
 * stopped in time, and its batch is abandoned at once, with the reason. A load of a whole view would not end at the next try
 * either: it throws `configuration`, which halts the view. Changes throw `transient`: the source may be quicker at the next try,
 * which captures them again.
 */
export async function stageInTime<T>(
  batch: EtlTransaction,
  held: { lease: Lease; signal: AbortSignal; deadlineMs: number },
  { clock, config, control }: Dependencies,
  stage: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeIsUp = new AbortController();
  const timer = setTimeout(() => timeIsUp.abort(), Math.max(0, held.deadlineMs - clock.nowMs()));
  try {
    return await stage(AbortSignal.any([held.signal, timeIsUp.signal]));
  } catch (error) {
    const isTooSlow =
      timeIsUp.signal.aborted || (error instanceof DataHubError && error.context.code === QUERY_CANCELED);
    if (held.signal.aborted || !isTooSlow) throw error;
    const { timeLimitSeconds, statementTimeoutSeconds } = config;
    const tooSlow = new DataHubError(
      batch.isComplete ? 'configuration' : 'transient',
      `view ${batch.view}: the rows of ETL transaction ${batch.id} were not copied within TIME_LIMIT_SECONDS (${timeLimitSeconds}) and STATEMENT_TIMEOUT_SECONDS (${statementTimeoutSeconds})`,
      { context: { view: batch.view, etlTransactionId: batch.id }, advice: ADVICE, cause: error },
    );
    await control.abandonBatch(held.lease, batch, tooSlow.message);
    throw tooSlow;
  } finally {
    clearTimeout(timer);
  }
}

const ADVICE =
  'Copy less at a time: lower SLICE_ROWS or raise MAX_SLICES for a whole view, lower MAX_BATCH_LOG_ROWS for changes. Or raise the time limits of the function and of its statements. Then resume the view.';
