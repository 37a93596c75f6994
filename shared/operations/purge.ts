import { assertOwnTarget } from '../batch/own-target.ts';
import type { Lease } from '../control/leases.ts';
import { Deadline } from '../deadline.ts';
import { asDataHubError, DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';

/**
 * Removes from a merged target the rows that are marked as deleted since before a time, all or none, while no batch of the view is extracted
 * or applied. Without the confirmation, which is the name of the view, it changes nothing and answers how many rows would go. Safe to repeat.
 * A streamed target has no such rows. Throws `configuration` for the target of another installation, `invalid_event` for another confirmation and a
 * time in the future, and `transient` while the view is busy.
 */
export async function purge(
  { view, before, confirmation }: Pick<OperationOf<'purge'>, 'view' | 'before' | 'confirmation'>,
  dependencies: Dependencies,
) {
  const { clock, config, control } = dependencies;
  const source = await control.viewSources.get(view);
  const advice = `To remove them, send ${JSON.stringify({ view, purgeDeletedBefore: before.toISOString(), confirm: view })}. BigQuery keeps removed rows for its time travel and fail-safe periods: docs/operations.md#erasing-data-of-a-person.`;
  if (source.loadType === 'bq-storage-api') {
    return { outcome: 'nothing to purge', view, rows: '0', advice: STREAMED };
  }
  if (before.getTime() > clock.nowMs()) {
    throw refused(view, `${before.toISOString()} is in the future`, 'Name a time that has passed.');
  }
  if (confirmation !== undefined && confirmation !== view) {
    throw refused(view, '"confirm" is not the name of the view', advice);
  }
  const lease = await control.leases.acquire(view, config.leaseSeconds);
  if (lease === null) throw busy(view, 'a function is working on it', 'Try again in a minute.');
  using deadline = new Deadline(clock, config.timeLimitSeconds);
  return await control.leases.withLease(lease, deadline, async () => {
    const run = { view, target: source.targetName, before, runName: lease.token };
    await assertOwnTarget(view, await dependencies.warehouse.findTarget(source), dependencies);
    if (confirmation === undefined) {
      const rows = await dependencies.warehouse.countPurgeable(run, deadline);
      return { outcome: 'confirmation needed', view, rows: String(rows), advice };
    }
    await assertNotApplying(view, dependencies);
    const rows = await removeRows(source, before, { lease, deadline }, dependencies);
    return { outcome: 'purged', view, rows: String(rows) };
  });
}

const STREAMED =
  'A streamed view removes deleted rows from its target, and marks none. BigQuery keeps them for two days, and then for its time travel and fail-safe periods: docs/operations.md#erasing-data-of-a-person.';

/** The job of a merge may run on after the function that started it has ended. */
async function assertNotApplying(view: string, { control }: Dependencies): Promise<void> {
  const batch = await control.batches.findInFlight(view);
  if (batch?.state !== 'applying') return;
  throw busy(
    view,
    `batch ${batch.id} is being applied`,
    'Wait until it is applied. If the view is paused, resume it first.',
  );
}

/** Removes the rows, and records it, before and after: an answer may be lost. */
async function removeRows(
  source: ViewSource,
  before: Date,
  { lease, deadline }: { lease: Lease; deadline: Deadline },
  { control, log, warehouse }: Dependencies,
): Promise<bigint> {
  const { name: view, partition, targetName: target } = source;
  const details = { target, deletedBefore: before.toISOString() };
  await control.schemaChanges.record(lease, { kind: 'purge', action: 'requested', details });
  await control.targetChecks.setSnapshot(lease, null);
  const run = { view, target, before, runName: lease.token };
  const rows = await warehouse.purge(run, partition, deadline).catch((thrown: unknown) => {
    const error = asDataHubError(thrown);
    throw error.kind === 'transient' || error.kind === 'superseded' ? error.withAdvice(UNKNOWN) : error;
  });
  await control.targetChecks.setSnapshot(lease, await warehouse.snapshotTarget(source));
  await control.schemaChanges.record(lease, {
    kind: 'purge',
    action: 'purged',
    details: { ...details, rows: String(rows) },
  });
  log.warn({ view, ...details, rows: String(rows) }, 'rows purged');
  return rows;
}

/** The job goes on without the call that waits for it. */
const UNKNOWN =
  'BigQuery may have removed the rows, or may still do so. Send the same again in a minute: it removes what is left, and answers how many rows that were.';

/** Pub/Sub delivers a message again until the view is free. */
function busy(view: string, why: string, advice: string): DataHubError {
  return new DataHubError('transient', `view ${view}: ${why}`, { context: { view }, advice });
}

function refused(view: string, why: string, advice: string): DataHubError {
  return new DataHubError('invalid_event', `view ${view}: ${why}`, { context: { view }, advice });
}
