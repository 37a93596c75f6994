import { DataHubError } from '../errors.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { FoundTable } from '../warehouse/found-table.ts';

/** The installation that feeds a target, by its label, and the one of this control database. */
export type Installations = { other: string; own: string };

/**
 * Null if the target is fed from here: it has the id of this control database, the one that its original had when this copy was made, or none,
 * as a target of an earlier release.
 */
export async function feederOf(
  { targetInstallation }: Pick<ViewSource, 'targetInstallation'>,
  { installation: other }: Pick<FoundTable, 'installation'>,
  { control }: Pick<Dependencies, 'control'>,
): Promise<Installations | null> {
  const own = await control.installation.id();
  return other === null || other === own || other === targetInstallation ? null : { other, own };
}

/** Throws `configuration` for the target of a loaded view that another installation has taken over. */
export async function assertOwnTarget(
  source: ViewSource,
  target: FoundTable | null,
  dependencies: Pick<Dependencies, 'control'>,
): Promise<void> {
  const feeder = target === null ? null : await feederOf(source, target, dependencies);
  if (target !== null && feeder !== null) throw takenOver(source.name, target.name, feeder);
}

/** Two that feed one target would use the same batch ids, and each would miss what the other has changed. */
export function takenOver(view: string, table: string, { other, own }: Installations): DataHubError {
  const payload = (more: object) => JSON.stringify({ view, ...more });
  return new DataHubError(
    'configuration',
    `table ${table} belongs to installation ${other}, which has loaded it, and no longer to this one, ${own}: only one may feed it`,
    {
      context: { view },
      advice: `Find the other one: status shows the id of an installation. If its datasets are wrong, let it use others, or stop it; then send ${payload({ resync: true })} here, which takes the table over again. If the other one is right, stop this one, or send ${payload({ forget: true })} here: the table stays.`,
    },
  );
}

/** What a batch with the whole view will do that takes a target over, and what to do before. */
export const takeOver = (
  table: string,
  { other, own }: Installations,
): { message: string; advice: string } => ({
  message: `table ${table} belongs to installation ${other}; the next batch takes it over for this one, ${own}, and the other one halts its view`,
  advice:
    'If the other one is to go on, let this one use other datasets, or disable the view here before the next tick: status shows the id of an installation. If the other one is gone, nothing needs to be done.',
});

/** Whether the next batch may take the target from another installation: a first load, and a resync that an operator requested. */
export const mayTakeOver = ({ resyncBySystem, resyncRequestedAt }: ViewSource, isLoaded: boolean): boolean =>
  resyncRequestedAt === null ? !isLoaded : !resyncBySystem;
