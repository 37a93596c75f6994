import { lookupEntry } from '../model/lookup-entry.ts';
import { type ViewSourceEntry, viewSourceEntry } from '../model/view-source-entry.ts';

/** A view source as the configuration file writes it, and when it was imported last. */
export type StoredEntry = { entry: ViewSourceEntry; importedAt: Date };

/** SQL for the rows that `storedEntry` takes. */
export const SELECT_ENTRIES =
  'select to_jsonb(v) as entry, imported_at as "importedAt" from etl.view_source v';

const FIELDS = Object.keys(viewSourceEntry.shape).filter((field) => field !== 'content_type_id');

/** The entry whose import stores this row of etl.view_source. The ids of content types are left out: an import looks them up. */
export function storedEntry({ entry, importedAt }: Record<string, unknown>): StoredEntry {
  const row = entry as ViewSourceEntry;
  const fields = FIELDS.map((field) => [field, row[field as keyof ViewSourceEntry]]);
  const written = {
    ...(Object.fromEntries(fields) as ViewSourceEntry),
    child_models: row.child_models.map(modelOf),
    lookups: row.lookups.map(lookupOf),
  };
  return { entry: written, importedAt: importedAt as Date };
}

const LOOKUP_FIELDS = Object.keys(lookupEntry.shape).filter((field) => field !== 'content_type_id');

/** PostgreSQL orders the fields of stored JSON by their length. A lookup without child models is stored with an empty list. */
function lookupOf(lookup: ViewSourceEntry['lookups'][number]): ViewSourceEntry['lookups'][number] {
  const { child_models = [] } = lookup;
  const written = {
    ...lookup,
    child_models: child_models.length > 0 ? child_models.map(modelOf) : undefined,
  };
  const fields = LOOKUP_FIELDS.map((field) => [field, written[field as keyof typeof written]] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as typeof lookup;
}

const modelOf = ({ app_label, model }: ViewSourceEntry['child_models'][number]) => ({ app_label, model });
