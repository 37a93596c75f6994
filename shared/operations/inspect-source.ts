import type { Config } from '../config/config.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findChildModels } from '../source/child-models.ts';
import type { SourceView } from '../source/describe-view.ts';
import type { Finding } from '../source/inspect-server.ts';
import { inspectView } from '../source/inspect-view.ts';
import { namingFaults } from '../source/key-naming.ts';
import { assertLogTable } from '../source/log-table.ts';
import { findMovedModels } from '../source/moved-models.ts';
import { partitionFindings } from '../source/partition-faults.ts';
import { findSilentModels } from '../source/silent-models.ts';
import { isTriggerLog } from '../source/trigger-log.ts';
import { misconfigured } from '../source/view-faults.ts';
import { layoutFaults } from '../warehouse/layout-faults.ts';
import { policyTagFaults } from '../warehouse/policy-tags.ts';

/**
 * Looks for every mistake in a view source that its database and its layout show, in one snapshot. Throws one `configuration` error that names
 * them. `known` are the names of all view sources. Returns the view, and what an operator should know although it is no mistake.
 */
export async function inspectSource(
  client: Queryable,
  source: ViewSource,
  known: ReadonlySet<string>,
  { config }: { config: Pick<Config, 'changeLogTable' | 'contentTypeTable' | 'location'> },
): Promise<{ view: SourceView; findings: Finding[] }> {
  await assertLogTable(client, config.changeLogTable);
  const { view, notes } = await inspectView(client, source, config);
  const faults = [
    ...layoutFaults(view.shape, source),
    // Configuration, which is JSON, could not name it.
    ...view.shape.columns
      .filter(({ name }) => name === '__proto__')
      .map(({ name }) => `column ${name} has a name that cannot be configured: rename it in the view`),
    ...(await faultsOfDefaults(view, source)),
    ...policyTagFaults(view.shape.columns, source.policyTags, config.location),
    ...source.foreignKeys
      .filter(({ references }) => !known.has(references))
      .map(
        ({ column, references }) => `foreign key ${column} references ${references}, which is no view source`,
      ),
  ];
  faults.push(...(await namingFaults(client, source)));
  const partitions =
    faults.length === 0 ? await partitionFindings(client, source, view) : { faults: [], notes: [] };
  faults.push(...partitions.faults);
  notes.push(...partitions.notes);
  if (faults.length > 0) throw misconfigured(source, faults);
  const check = `view ${source.name}`;
  const noted = notes.map((note) => ({ check, ok: true, ...note }));
  // The triggers of a table log its rows, whichever model they are rows of.
  if (await isTriggerLog(client, config.changeLogTable)) return { view, findings: noted };
  const children = await findChildModels(client, source, config.contentTypeTable);
  const moved = await findMovedModels(client, source, config);
  const silent = await findSilentModels(client, source, config.changeLogTable);
  return { view, findings: [...noted, ...children, ...moved, ...silent] };
}

/** Few views have defaults, and a cold start loads what judges them for some 30 ms. */
async function faultsOfDefaults({ shape }: SourceView, { nullDefaults }: ViewSource): Promise<string[]> {
  const defaults = new Map(Object.entries(nullDefaults));
  if (defaults.size === 0) return [];
  const { defaultFaults } = await import('../warehouse/default-faults.ts');
  return defaultFaults(shape, defaults);
}
