import { isDeepStrictEqual } from 'node:util';
import type { StoredEntry } from '../../../shared/control/stored-entry.ts';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';

/** What an import makes of one stored view source. `before` is undefined if there is none. */
export type EntryChange = {
  view: string;
  isNew: boolean;
  fields: { field: string; before: unknown; after: unknown }[];
};

/** What an import of these entries would add and change, field by field. */
export function entryChanges(
  entries: readonly ViewSourceEntry[],
  stored: readonly StoredEntry[],
): EntryChange[] {
  return entries.map((entry) => {
    const present = stored.find((each) => each.entry.name === entry.name)?.entry;
    if (present === undefined) return { view: entry.name, isNew: true, fields: [] };
    const after = asStored(entry);
    const fields = Object.keys(viewSourceEntry.shape) as (keyof ViewSourceEntry)[];
    return {
      view: entry.name,
      isNew: false,
      fields: fields
        .filter((field) => !isDeepStrictEqual(present[field], after[field]))
        .map((field) => ({ field, before: present[field], after: after[field] })),
    };
  });
}

/** An entry as it is stored: without ids of content types, which an import looks up. */
function asStored({ content_type_id: _, ...entry }: ViewSourceEntry): ViewSourceEntry {
  const modelOf = ({ app_label, model }: { app_label: string; model: string }) => ({ app_label, model });
  return {
    ...entry,
    child_models: entry.child_models.map(modelOf),
    lookups: entry.lookups.map(({ content_type_id: _id, child_models = [], ...lookup }) => ({
      ...lookup,
      ...(child_models.length > 0 && { child_models: child_models.map(modelOf) }),
    })),
  };
}
