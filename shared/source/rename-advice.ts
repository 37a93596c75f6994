import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { configuredName, findRelation, relationsNamed } from './catalog.ts';
import { readColumnOrigin } from './column-origin.ts';
import { findContentTypes } from './content-types.ts';
import { grantAdvice, type Missing, whyMissing } from './missing-relation.ts';

/** Where a table of the view source is now; null if nothing shows that. */
type Moved = { oid: number | null; isRenamed: boolean };

type ContentTypes = ReadonlyMap<string, number>;

/**
 * What an import must change in a view source whose tables or models have other names now, as sentences with the GRANTs and the fields to paste;
 * undefined if the catalog shows none. A view follows a table that gets another name or schema, and so does a foreign key.
 */
export async function renameAdvice(
  client: Queryable,
  source: ViewSource,
  contentTypeTable: string,
): Promise<string | undefined> {
  const types = await findContentTypes(client, contentTypeTable);
  const main = await findMoved(client, source.mainTable, () => shownTable(client, source));
  const ofView = await corrected(client, main, source, { types, source });
  if (ofView === null) return undefined;
  const missing: Missing[] = await unreadable(client, ofView.main_table);
  const changes = Object.keys(ofView).length > 0 ? [JSON.stringify(ofView)] : [];
  for (const lookup of source.lookups) {
    const moved = await findMoved(client, lookup.table, () => pointedAt(client, main.oid, lookup.column));
    const fields = await corrected(client, moved, lookup, { types, source });
    if (fields === null) return undefined;
    if (Object.keys(fields).length === 0) continue;
    const { main_table: table, ...others } = fields;
    missing.push(...(await unreadable(client, table)));
    changes.push(`${JSON.stringify({ table, ...others })} in its lookup by ${lookup.column}`);
  }
  const hasOtherIds = idsIn(source).some((id) => types.get(source.contentTypeNames[id] ?? '') !== id);
  if (changes.length === 0 && !hasOtherIds) return undefined;
  const how = changes.length === 0 ? 'as it is' : `with ${changes.join(' and ')}`;
  const resume = JSON.stringify({ view: source.name, resume: true });
  const grant = grantAdvice(missing);
  return `${grant === undefined ? '' : `${grant} `}Import the view source again ${how}. If the view is halted, then send ${resume}.`;
}

/** A renamed table that the role may not read. */
async function unreadable(client: Queryable, table: string | undefined): Promise<Missing[]> {
  if (table === undefined || (await findRelation(client, table)) !== null) return [];
  return [await whyMissing(client, 'table', table)];
}

const idsIn = (source: ViewSource): number[] =>
  [source, ...source.lookups].flatMap(({ contentTypeId, childTypeIds = [] }) => [
    contentTypeId,
    ...childTypeIds,
  ]);

type Fields = {
  main_table?: string;
  app_label?: string;
  model?: string;
  child_models?: { app_label: string; model: string }[];
};

/** The fields that must change, none if all are right; null if nothing shows what is right. */
async function corrected(
  client: Queryable,
  { oid, isRenamed }: Moved,
  { contentTypeId, childTypeIds = [] }: { contentTypeId: number; childTypeIds?: number[] },
  { types, source }: { types: ContentTypes; source: ViewSource },
): Promise<Fields | null> {
  if (oid === null) return null;
  const own = ownModel(types, await unqualifiedName(client, oid));
  const importedName = (id: number) => source.contentTypeNames[id] ?? nameOfId(types, id);
  const imported = importedName(contentTypeId);
  // A former model may be left beside the new one.
  const model = isRenamed && own !== null ? own : modelNow(types, contentTypeId, imported, own);
  const children = childTypeIds.map((id) => modelNow(types, id, importedName(id), null));
  if (model === null || !children.every((child) => child !== null)) return null;
  return {
    ...(isRenamed && { main_table: await configuredName(client, oid) }),
    ...(model !== imported && namesOf(model)),
    ...(children.some((child, i) => child !== importedName(childTypeIds[i] ?? 0)) && {
      child_models: children.map(namesOf),
    }),
  };
}

/** The model of a content type: the imported one while it exists, whatever its id is, else the table's own, else what the id is called now. */
function modelNow(
  types: ContentTypes,
  id: number,
  imported: string | null,
  own: string | null,
): string | null {
  return imported !== null && types.has(imported) ? imported : (own ?? nameOfId(types, id));
}

const nameOfId = (types: ContentTypes, id: number): string | null =>
  [...types].find(([, typeId]) => typeId === id)?.[0] ?? null;

/** The model whose table Django would call so. */
const ownModel = (types: ContentTypes, table: string): string | null =>
  [...types.keys()].find((name) => name.replace('.', '_') === table) ?? null;

function namesOf(type: string): { app_label: string; model: string } {
  const [app_label = '', model = ''] = type.split('.');
  return { app_label, model };
}

async function findMoved(
  client: Queryable,
  table: string,
  find: () => Promise<number | null>,
): Promise<Moved> {
  const [found] = await relationsNamed(client, table);
  return found === undefined ? { oid: await find(), isRenamed: true } : { oid: found.oid, isRenamed: false };
}

/** The table whose column the view's key shows. */
async function shownTable(client: Queryable, { keyColumn, name }: ViewSource): Promise<number | null> {
  const view = await findRelation(client, name);
  return view === null ? null : ((await readColumnOrigin(client, view, keyColumn))?.relation ?? null);
}

/** The table that a foreign key of this column references, if there is exactly one. */
async function pointedAt(client: Queryable, from: number | null, column: string): Promise<number | null> {
  const { rows } = await client.query(
    `select distinct c.confrelid as oid from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid
     where c.contype = 'f' and c.conrelid = $1 and a.attname = $2 and c.conkey = array[a.attnum]`,
    [from, column],
  );
  return rows.length === 1 ? (rows[0].oid as number) : null;
}

async function unqualifiedName(client: Queryable, oid: number): Promise<string> {
  const { rows } = await client.query('select relname::text as name from pg_class where oid = $1', [oid]);
  return rows[0].name as string;
}
