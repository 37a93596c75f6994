import { viewSourceOf } from '../control/view-sources.ts';
import { DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/messages.ts';
import type { ViewSourceEntry } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { findChildModels } from '../source/child-models.ts';
import { findContentTypes } from '../source/content-types.ts';
import type { Finding } from '../source/inspect-server.ts';
import { namingFaults } from '../source/key-naming.ts';
import { inSnapshot } from '../source/snapshot.ts';

/**
 * Creates or changes the given view sources, all or none. Safe to repeat. Looks content types up in the source by app_label and model; an
 * id in the configuration must match. Answers what the view sources do not follow, such as models that inherit. Throws `configuration`
 * naming every content type that does not exist or differs, every key that log rows name otherwise than the view shows it, and every
 * streamed view without a message in proto/.
 */
export async function importConfiguration(
  { entries }: Pick<OperationOf<'import'>, 'entries'>,
  { config, control, log, source, warehouse }: Dependencies,
) {
  const found = await inSnapshot(source, (client) => findContentTypes(client, config.contentTypeTable));
  const faults: string[] = [];
  const resolve = <T extends { app_label: string; model: string; content_type_id?: number | undefined }>(
    named: T,
    where: string,
  ): T & { content_type_id: number } => {
    const id = found.get(`${named.app_label}.${named.model}`);
    const given = named.content_type_id;
    if (id === undefined)
      faults.push(`${where}: content type ${named.app_label}.${named.model} does not exist`);
    else if (given !== undefined && given !== id) {
      faults.push(
        `${where}: content type ${named.app_label}.${named.model} is ${id} in this source, not ${given}`,
      );
    }
    return { ...named, content_type_id: id ?? 0 };
  };
  const resolveChildren = (models: ViewSourceEntry['child_models'], where: string) => ({
    child_models: models.map((model) => resolve(model, `${where}, child model`)),
  });
  const resolved = entries.map((entry) => ({
    ...resolve(entry, entry.name),
    ...resolveChildren(entry.child_models, entry.name),
    lookups: entry.lookups.map((lookup) => {
      const where = `${entry.name}, lookup ${lookup.table}`;
      return { ...resolve(lookup, where), ...resolveChildren(lookup.child_models ?? [], where) };
    }),
  }));
  if (faults.length > 0) throw new DataHubError('configuration', faults.join('; '));
  const findings = await inSnapshot(source, async (client) => {
    const found: Finding[] = [];
    for (const viewSource of resolved.map(viewSourceOf)) {
      for (const fault of await namingFaults(client, viewSource)) faults.push(`${viewSource.name}: ${fault}`);
      found.push(...(await findChildModels(client, viewSource, config.contentTypeTable)));
    }
    return found;
  });
  if (faults.length > 0) throw new DataHubError('configuration', faults.join('; '));
  await control.viewSources.assertImportable(resolved);
  for (const { load_type, name, target_name } of entries) {
    if (load_type !== 'bq-storage-api' || (await warehouse.hasStreamMessage(target_name))) continue;
    faults.push(
      `${name}: proto/ has no message for ${target_name} (npm run generate writes it: docs/configuration.md)`,
    );
  }
  if (faults.length > 0) throw new DataHubError('configuration', faults.join('; '));
  await control.viewSources.import(resolved);
  const views = resolved.map(({ name }) => name);
  log.info({ views }, 'configuration imported');
  return { outcome: 'imported', views, findings };
}
