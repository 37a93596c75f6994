import { feederOf, mayTakeOver, othersTarget, takingOver } from '../batch/own-target.ts';
import { changedBySomebody } from '../model/target-snapshot.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Finding } from '../source/inspect-server.ts';
import { snapshotOf } from '../warehouse/target-snapshot.ts';
import type { Comparison } from '../warehouse/warehouse.ts';

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
  { name, loadType, resyncAdvice, resyncRequestedAt, targetSnapshot }: ViewSource,
  { target }: Comparison,
  { control }: Dependencies,
): Promise<string[]> {
  const inFlight = await control.batches.findInFlight(name);
  // What a batch that is being applied leaves is not recorded yet.
  const changed =
    target === null || resyncRequestedAt !== null || inFlight?.state === 'applying'
      ? null
      : changedBySomebody(targetSnapshot, snapshotOf(target, loadType));
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
