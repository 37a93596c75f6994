import { asViewSource } from '../control/view-source-row.ts';
import { ADVICE, DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { ViewSourceEntry } from '../model/view-source-entry.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { findContentTypes } from '../source/content-types.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { type Followed, followRenames } from './follow-renames.ts';
import { importAdvice } from './import-advice.ts';

/** Looks up what an import stores beside its entries. Throws `configuration` for content types that do not exist or differ. Changes nothing. */
export async function resolveEntries(
  { entries }: Pick<OperationOf<'import'>, 'entries'>,
  { config, control, source }: Dependencies,
): Promise<Followed> {
  const found = await inSnapshot(source, (client) => findContentTypes(client, config.contentTypeTable));
  const faults: string[] = [];
  const resolve = <T extends { app_label: string; model: string; content_type_id?: number | undefined }>(
    named: T,
    where: string,
  ): T & { content_type_id: number } => {
    const id = found.get(`${named.app_label}.${named.model}`);
    const given = named.content_type_id;
    if (id === undefined)
      faults.push(
        `${where}: content type ${named.app_label}.${named.model} does not exist${similarType(found, named)}`,
      );
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
  if (faults.length > 0) throw notImported(faults);
  const fed = await control.viewSources.assertImportable(resolved);
  return await followRenames(resolved, fed, { config, source });
}

/** Django writes models in lower case in its content types. */
function similarType(
  found: ReadonlyMap<string, number>,
  { app_label, model }: { app_label: string; model: string },
): string {
  const wanted = `${app_label}.${model}`.toLowerCase();
  const similar = [...found.keys()].find((name) => name.toLowerCase() === wanted);
  return similar === undefined ? '' : `, but ${similar} does`;
}

/** The view sources as an import of these entries would leave them. */
export async function sourcesAfter({ entries }: Followed, { control }: Dependencies): Promise<ViewSource[]> {
  const stored = await control.viewSources.list();
  return entries.map((entry) => ({
    ...asViewSource(entry),
    ...keptOf(stored.find(({ name }) => name === entry.name)),
  }));
}

/** What an import leaves of a stored view source, and a check looks at. */
const keptOf = (stored: ViewSource | undefined): Partial<ViewSource> =>
  stored === undefined
    ? {}
    : {
        knownColumns: stored.knownColumns,
        unfilledColumns: stored.unfilledColumns,
        resyncRequestedAt: stored.resyncRequestedAt,
        resyncBySystem: stored.resyncBySystem,
      };

/** The names of all view sources after an import. */
export async function namesWith(
  entries: readonly { name: string }[],
  { control }: Dependencies,
): Promise<ReadonlySet<string>> {
  const stored = await control.viewSources.list();
  return new Set([...stored, ...entries].map(({ name }) => name));
}

/** The error for an import that stores nothing, with the faults' own advice where they have any. */
export function notImported(faults: string[], advice: string[] = []): DataHubError {
  const own = advice.filter((each) => each !== ADVICE.configuration);
  return new DataHubError('configuration', faults.join('; '), {
    advice:
      own.length === 0
        ? 'Nothing was stored. Correct what the message names, then send the import again.'
        : [...new Set(own.map(importAdvice))].join(' '),
  });
}
