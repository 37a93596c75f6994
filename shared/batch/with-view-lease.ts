import type { Lease } from '../control/leases.ts';
import { Deadline } from '../deadline.ts';
import { asDataHubError, type DataHubError, dispositionOf } from '../errors.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { HaltedView, Invocation } from '../runtime/handle.ts';

/** Busy: another process holds the view. */
export type LeaseOutcome<T> = { outcome: 'done'; result: T } | { outcome: 'busy' } | HaltedView;

/**
 * Runs `work` under the view's lease, or not at all while another process holds it (I4). A failure that needs a person halts the view
 * before the lease is released. Errors carry the view and, after a halt, the failed batch.
 */
export async function withViewLease<T>(
  view: string,
  invocation: Invocation,
  dependencies: Dependencies,
  work: (lease: Lease, deadline: Deadline) => Promise<T>,
): Promise<LeaseOutcome<T>> {
  const { clock, config, control } = dependencies;
  const lease = await control.leases.acquire(view, config.leaseSeconds);
  if (lease === null) return { outcome: 'busy' };
  using deadline = new Deadline(clock, config.timeLimitSeconds);
  return await control.leases.withLease(lease, deadline, async () => {
    try {
      return { outcome: 'done', result: await work(lease, deadline) };
    } catch (thrown) {
      const { signal } = deadline;
      const error = asDataHubError(signal.aborted ? signal.reason : thrown).withContext({ view });
      if (dispositionOf(error) === 'retry') await recordRetry(lease, error, invocation, dependencies);
      if (dispositionOf(error) !== 'halt') throw error;
      const failed = await control.failures.haltView(lease, { ...invocation, error });
      const failure = failed === null ? error : error.withContext({ etlTransactionId: failed });
      return { outcome: 'view halted', view, failure };
    }
  });
}

/** A retry that cannot be recorded is only missing in `status`: the error that caused it matters more. */
async function recordRetry(
  lease: Lease,
  error: DataHubError,
  { functionName, isByHand = false }: Invocation,
  { control, log }: Dependencies,
): Promise<void> {
  await control.retries.record(lease, { functionName, error, isByHand }).catch((unrecorded: unknown) => {
    log.warn(
      { view: lease.view, error: error.message, unrecorded: asDataHubError(unrecorded).message },
      'retry not recorded',
    );
  });
}
