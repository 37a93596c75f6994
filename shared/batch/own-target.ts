import { Deadline } from '../deadline.ts';
import { DataHubError } from '../errors.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { FoundTable } from '../warehouse/found-table.ts';

/** A table, the installation whose label it has, and the one of this control database. */
type Feeder = { table: string; other: string; own: string };

/** Null for no table, and for one that has the label of this installation, or none, as a target of an earlier release. */
export async function feederOf(
  table: FoundTable | null,
  { control }: Pick<Dependencies, 'control'>,
): Promise<Feeder | null> {
  if (table === null || table.installation === null) return null;
  const own = await control.installation.id();
  return table.installation === own ? null : { table: table.name, other: table.installation, own };
}

/** Throws `configuration` for a target that has the label of another installation. */
export async function assertOwnTarget(
  view: string,
  target: FoundTable | null,
  dependencies: Pick<Dependencies, 'control'>,
): Promise<void> {
  const feeder = await feederOf(target, dependencies);
  if (feeder !== null) throw othersTarget(view, feeder);
}

/** Two that feed one target would use the same batch ids, and each would miss what the other has changed. */
export function othersTarget(view: string, { table, other, own }: Feeder): DataHubError {
  const payload = (more: object) => JSON.stringify({ view, ...more });
  return new DataHubError(
    'configuration',
    `table ${table} belongs to installation ${other}, not to this one, ${own}: only one may feed it`,
    {
      context: { view },
      advice: `To take the table over, stop the other installation (status shows the id of an installation), then send ${payload({ resync: true })} here. If this is that installation itself, restored from a backup, moved to another server, or upgraded with pg_upgrade, run in the control database: update etl.installation set id = '${other}'; then send ${payload({ resume: true })}. If the other one is to go on, let this one use other datasets, or send ${payload({ forget: true })} here: the table stays.`,
    },
  );
}

/** Whether the next batch takes the target of another installation over: only by the resync of an operator. */
export const mayTakeOver = ({ resyncBySystem, resyncRequestedAt }: ViewSource): boolean =>
  resyncRequestedAt !== null && !resyncBySystem;

/** Whether a first load finds a target without a label that somebody else has fed: a release that set no label, which does not heed ours. */
export async function isFedWithoutLabel(
  source: ViewSource,
  target: FoundTable | null,
  { clock, config, control, warehouse }: Dependencies,
): Promise<boolean> {
  if (target === null || target.installation !== null) return false;
  if ((await control.checkpoints.read(source.name)) !== null) return false;
  using deadline = new Deadline(clock, config.timeLimitSeconds);
  const { highestBatchId, targetRows } = await warehouse.readTarget(source, target, deadline);
  return highestBatchId > 0n || targetRows > 0n;
}

/** How the next batch takes the target over, and what to do before; null if it has nothing to take over. Only for a batch that may. */
export async function takingOver(
  source: ViewSource,
  target: FoundTable | null,
  dependencies: Dependencies,
): Promise<{ message: string; advice: string } | null> {
  const payload = (more: object) => JSON.stringify({ view: source.name, ...more });
  const feeder = await feederOf(target, dependencies);
  if (feeder !== null) {
    return {
      message: `table ${feeder.table} belongs to installation ${feeder.other}; the next batch takes it over for this one, ${feeder.own}, and the other one halts its view`,
      advice: `Stop the other installation before the next tick: status shows the id of an installation. If it is to go on, send ${payload({ resync: false })} here.`,
    };
  }
  if (!(await isFedWithoutLabel(source, target, dependencies))) return null;
  return {
    message: `table ${target?.name} has rows or batches from before, and no label of an installation; the first load takes it over`,
    advice: `If another installation feeds it, under a release that sets no label and does not notice this one, stop that one before the next tick, or send ${payload({ pause: true })} here. If none does, nothing needs to be done.`,
  };
}
