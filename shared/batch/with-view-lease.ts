import type { Lease } from '../control/leases.ts';
import { asDataHubError, dispositionOf } from '../errors.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Invocation } from '../runtime/handle.ts';

export type Held<T> = { held: true; result: T } | { held: false };

/**
 * Runs `work` under the view's lease, or not at all while another process has it (I4). A failure that only a person can
 * mend halts the view before the lease is given back; any failure says which view and batch it was.
 */
export async function withViewLease<T>(
  view: string,
  invocation: Invocation,
  { config, control }: Dependencies,
  work: (lease: Lease, signal: AbortSignal) => Promise<T>,
): Promise<Held<T>> {
  const lease = await control.acquireLease(view, config.leaseSeconds);
  if (lease === null) return { held: false };
  return await control.withLease(lease, config.timeLimitSeconds * 1000, async (signal) => {
    try {
      return { held: true, result: await work(lease, signal) } as const;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const error = asDataHubError(thrown).within({ view });
      if (dispositionOf(error) === 'halt') {
        const failed = await control.haltView(lease, { ...invocation, error });
        const told = failed === null ? error : error.within({ etlTransactionId: failed });
        told.isRecorded = true;
        throw told;
      }
      throw error;
    }
  });
}

/** Until when a step may go on, leaving time to put things away before the function's limit. */
export function deadlineOf(dependencies: Dependencies): number {
  const { clock, config } = dependencies;
  return clock.nowMs() + config.timeLimitSeconds * 1000 - reserveMs(dependencies);
}

/** How long before a limit one begins to come to an end. */
export function reserveMs({ config }: Dependencies): number {
  return Math.min(30, config.timeLimitSeconds / 10) * 1000;
}
