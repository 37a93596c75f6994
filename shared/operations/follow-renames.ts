import { asViewSource, type ResolvedEntry } from '../control/view-source-row.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { heldRowsFaults, isFormerModel } from '../source/held-rows.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { misconfigured } from '../source/view-faults.ts';

/** Entries to store, and the names of the fed views whose main table or model they change, which the source has proven to hold the same rows. */
export type Followed = { entries: ResolvedEntry[]; moved: ReadonlySet<string> };

/**
 * Lets entries of views that have fed their targets follow a renamed table or model. Former content types stay followed, since processes of the
 * application may log under them for a while. Throws `configuration` if a new main table does not hold the same rows.
 */
export async function followRenames(
  entries: ResolvedEntry[],
  fed: ViewSource[],
  { config, source }: Pick<Dependencies, 'config' | 'source'>,
): Promise<Followed> {
  const moved = new Set<string>();
  const followed: ResolvedEntry[] = [];
  for (const entry of entries) {
    const former = fed.find(({ name }) => name === entry.name);
    if (former === undefined) {
      followed.push(entry);
      continue;
    }
    const present = asViewSource(entry);
    if (hasMoved(former, present)) moved.add(entry.name);
    const withFormer = await inSnapshot(source, async (client) => {
      if (moved.has(entry.name)) {
        const faults = await heldRowsFaults(client, former, present, config.changeLogTable);
        if (faults.length > 0) throw misconfigured(present, faults, ADVICE);
      }
      return await withFormerTypes(client, entry, former);
    });
    followed.push(withFormer);
  }
  return { entries: followed, moved };
}

const ADVICE =
  'Nothing was stored. Name the table that has the rows of the former one. To show other rows, import the view as a new one, with another name and target.';

const hasMoved = (former: ViewSource, present: ViewSource): boolean =>
  former.mainTable !== present.mainTable ||
  former.contentTypeNames[former.contentTypeId] !== present.contentTypeNames[present.contentTypeId];

async function withFormerTypes(
  client: Queryable,
  entry: ResolvedEntry,
  former: ViewSource,
): Promise<ResolvedEntry> {
  const lookups: ResolvedEntry['lookups'] = [];
  for (const lookup of entry.lookups) {
    const before = former.lookups.find(({ column }) => column === lookup.column);
    const ids = before === undefined ? [] : await formerIds(client, lookup, lookup.table, former, before);
    lookups.push({ ...lookup, ...(ids.length > 0 && { former_type_ids: ids }) });
  }
  const former_type_ids = await formerIds(client, entry, entry.main_table, former, former);
  return { ...entry, former_type_ids, lookups };
}

type ImportedModel = Pick<ResolvedEntry['lookups'][number], 'content_type_id' | 'child_models'>;

/** The content types that the model of a table had before, but has not now. */
async function formerIds(
  client: Queryable,
  { content_type_id, child_models = [] }: ImportedModel,
  table: string,
  { contentTypeNames }: ViewSource,
  before: { contentTypeId: number; formerTypeIds?: number[] },
): Promise<number[]> {
  const model = contentTypeNames[before.contentTypeId];
  const isFormer = model !== undefined && (await isFormerModel(client, model, table));
  const now = [content_type_id, ...child_models.map((child) => child.content_type_id)];
  return [...(before.formerTypeIds ?? []), ...(isFormer ? [before.contentTypeId] : [])].filter(
    (id) => !now.includes(id),
  );
}
