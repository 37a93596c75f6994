import { hasCountedRows } from '../batch/has-counted-rows.ts';
import { feederOf, mayTakeOver, othersTarget, takingOver } from '../batch/own-target.ts';
import { Deadline } from '../deadline.ts';
import { changedBySomebody } from '../model/target-snapshot.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Finding } from '../source/inspect-server.ts';
import type { Comparison } from '../warehouse/compare-tables.ts';
import type { FoundTable } from '../warehouse/found-table.ts';
import { snapshotOf } from '../warehouse/target-snapshot.ts';

/** Whether the target has rows that the next batch builds upon. */
export async function hasFedTarget(
  { name, resyncRequestedAt }: ViewSource,
  { control }: Dependencies,
): Promise<boolean> {
  return resyncRequestedAt === null && (await control.checkpoints.read(name)) !== null;
}

/** What is or may be wrong with the rows of a target, since the view was last loaded as a whole. */
export async function targetFindings(
  viewSource: ViewSource,
  comparison: Comparison,
  dependencies: Dependencies,
): Promise<Finding[]> {
  const { name } = viewSource;
  const advice = `Resync the view: ${JSON.stringify({ view: name, resync: true })}.`;
  const reasons = await reasonsToResync(viewSource, comparison, dependencies);
  const expiry = comparison.target?.expiry ?? null;
  const check = `target of ${name}`;
  return [
    ...(await feederFindings(viewSource, dependencies)),
    ...reasons.map((reason) => ({ check, ok: false, message: `may be wrong: ${reason}`, advice })),
    ...(expiry === null
      ? []
      : [
          {
            check,
            ok: false,
            message: `will lose rows: ${expiry.fault}`,
            advice: `Run: ${expiry.remedy}; and remove the default expirations of the dataset, which every new table gets.`,
          },
        ]),
  ];
}

/** Whether the view halts at a target that another installation feeds, or has fed, or takes it over. */
async function feederFindings(viewSource: ViewSource, dependencies: Dependencies): Promise<Finding[]> {
  const { name } = viewSource;
  const target = await dependencies.warehouse.findTarget(viewSource);
  const feeder = await feederOf(target, dependencies);
  const check = `target of ${name}`;
  if (feeder !== null && !mayTakeOver(viewSource)) {
    const { message, advice } = othersTarget(name, feeder);
    return [{ check, ok: false, message, advice }];
  }
  const taking = await takingOver(viewSource, target, dependencies);
  return taking === null ? [] : [{ check, ok: false, ...taking }];
}

async function reasonsToResync(
  viewSource: ViewSource,
  { target }: Comparison,
  dependencies: Dependencies,
): Promise<string[]> {
  const { name, resyncAdvice, resyncRequestedAt } = viewSource;
  const { control } = dependencies;
  const inFlight = await control.batches.findInFlight(name);
  // What a batch that is being applied leaves is not recorded yet.
  const changed =
    target === null || resyncRequestedAt !== null || inFlight?.state === 'applying'
      ? null
      : await changeOf(viewSource, target, dependencies);
  const differing = await control.rowCounts.difference(name);
  return [
    ...new Set([resyncAdvice, changed].filter((reason) => reason !== null)),
    ...(differing === null
      ? []
      : [
          `after batch ${differing.etlTransactionId} the view had ${differing.source} rows, the target ${differing.target}`,
        ]),
  ];
}

/** What somebody else did to the target, as one sentence; null if nothing is seen, or if only the metadata have an old number of rows. */
async function changeOf(
  viewSource: ViewSource,
  target: FoundTable,
  dependencies: Dependencies,
): Promise<string | null> {
  const { loadType, resyncAdvice, targetSnapshot } = viewSource;
  const reason = changedBySomebody(targetSnapshot, snapshotOf(target, loadType));
  if (reason === null || reason === resyncAdvice) return reason;
  using deadline = new Deadline(dependencies.clock, dependencies.config.timeLimitSeconds);
  return (await hasCountedRows(viewSource, target, deadline, dependencies)) ? null : reason;
}
