import { setTimeout as elapse } from 'node:timers/promises';
import type pg from 'pg';
import type { Lease } from '../../shared/control/leases.ts';
import type { Deadline } from '../../shared/deadline.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { Moment } from '../../shared/model/consistency.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';

/** A snapshot of the source, and the moment of the target that belongs to it. */
export type HeldMoment = {
  client: pg.ClientBase;
  moment: Moment;
  /** The keys that batches must fetch whatever the log says: the target need not show them. */
  queuedKeys: string[];
  /**
   * Lets batches of the view go on. The snapshot and the history of a merged target stay as they are. Safe to repeat. Throws `superseded` if
   * another process has had the view meanwhile, so that what was read does not belong together.
   */
  release: () => Promise<void>;
};

/** Batches of one view follow one another, with pauses between them. */
const LEASE_WAIT_MS = 60_000;
const LEASE_POLL_MS = 200;

/**
 * Runs `work` in a snapshot of the source that was opened while no batch of the view could be applied, so that the target has exactly what the
 * checkpoint covers. `runName` names the query of BigQuery's time, and is another one for each moment. Throws `transient` while batches leave no such moment.
 */
export async function atMoment<T>(
  view: ViewSource,
  runName: string,
  deadline: Deadline,
  dependencies: Dependencies,
  work: (held: HeldMoment) => Promise<T>,
): Promise<T> {
  const { control, source } = dependencies;
  const lease = await acquire(view.name, deadline, dependencies);
  const released = Promise.withResolvers<void>();
  const holding = control.leases.withLease(lease, deadline, () => released.promise);
  let isHeld = true;
  const letGo = async (): Promise<void> => {
    isHeld = false;
    released.resolve();
    await holding;
  };
  const release = async (): Promise<void> => {
    if (!isHeld) return;
    await control.leases.renew(lease);
    await letGo();
  };
  try {
    return await inSnapshot(source, async (client) => {
      const read = await readMoment(view, runName, deadline, dependencies);
      // A process that stood still for longer than its lease has read them at different times.
      await control.leases.renew(lease);
      return await work({ client, ...read, release });
    });
  } finally {
    await letGo();
  }
}

async function acquire(
  view: string,
  deadline: Deadline,
  { clock, config, control }: Dependencies,
): Promise<Lease> {
  const endMs = clock.nowMs() + LEASE_WAIT_MS;
  for (;;) {
    const lease = await control.leases.acquire(view, config.leaseSeconds);
    if (lease !== null) return lease;
    if (clock.nowMs() > endMs || deadline.isNear()) {
      throw new DataHubError('transient', `view ${view} is being worked on`, { context: { view } });
    }
    await elapse(LEASE_POLL_MS);
  }
}

async function readMoment(
  view: ViewSource,
  runName: string,
  deadline: Deadline,
  { config, control, warehouse }: Dependencies,
): Promise<Pick<HeldMoment, 'moment' | 'queuedKeys'>> {
  const context = { view: view.name };
  const stored = await control.checkpoints.read(view.name);
  if (stored === null) {
    throw new DataHubError('invalid_event', `view ${view.name} has not been loaded yet`, {
      context,
      advice: 'Wait until its first load is applied, then check it.',
    });
  }
  const inFlight = await control.batches.findInFlight(view.name);
  if (inFlight?.isComplete === true) {
    throw new DataHubError(
      'transient',
      `view ${view.name} is being loaded as a whole by batch ${inFlight.id}`,
      {
        context,
      },
    );
  }
  return {
    // One more than may be pending shows that there are too many.
    queuedKeys: await control.queuedKeys.all(view.name, config.maxBatchLogRows + 1),
    moment: {
      targetAsOf: await warehouse.currentTime(view.name, runName, deadline),
      checkpoint: stored.checkpoint,
      etlTransactionId: stored.etlTransactionId,
    },
  };
}
