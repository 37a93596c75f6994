import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { RELATIONS_BEHIND } from './catalog.ts';
import type { Note } from './model-faults.ts';
import type { ViewCatalog } from './view-catalog.ts';
import type { ViewDefinition } from './view-definition.ts';

/** A foreign key on which the view depends and which may be NULL. */
type NullableKey = {
  /** The table that has it, unquoted. */
  table: string;
  column: string;
  isOfMain: boolean;
  /** The table that it references. */
  referenced: number;
  name: string;
  schema: string;
  /** Whether the database itself writes NULL there when the row that it references is deleted. */
  isNulledByDatabase: boolean;
};

/**
 * The foreign keys that a deletion may set to NULL without a log row, although no lookup follows them. Django's `on_delete=SET_NULL` does
 * that, but is not in the catalog: so that is a doubt. That the database does it by itself is a fault.
 */
export async function setNullFindings(
  client: Queryable,
  source: ViewSource,
  catalog: ViewCatalog,
  { dependencies }: ViewDefinition,
  contentTypes: ReadonlyMap<string, number>,
): Promise<{ faults: string[]; notes: Note[]; referenced: Set<string> }> {
  const ignored = new Set(source.ignoredDependencies);
  const followed = new Set(source.lookups.map(({ table, column }) => `${column} ${table}`));
  const depended = new Set(dependencies.map(({ oid }) => oid));
  const faults: string[] = [];
  const notes: Note[] = [];
  const referencedNames = new Set<string>();
  for (const key of await readNullableKeys(client, catalog)) {
    const { column, name, schema, isOfMain, referenced } = key;
    const names = [name, `${schema}.${name}`];
    for (const each of names) referencedNames.add(each);
    if (names.some((each) => ignored.has(each))) continue;
    if (isOfMain && names.some((each) => followed.has(`${column} ${each}`))) continue;
    // `dependencyFindings` tells that the view shows rows of the table that no lookup follows.
    if (!isOfMain && depended.has(referenced)) continue;
    const what = `view ${source.name} uses ${column} of ${key.table}`;
    const ignore = `"ignored_dependencies": ["${name}"]`;
    const entry = isOfMain
      ? `add to lookups ${lookupEntry({ name, table: name, column }, contentTypes)}`
      : `resync the view after such a deletion: {"view":"${source.name}","resync":true}`;
    if (key.isNulledByDatabase) {
      faults.push(
        `${what}: a deletion in ${name} leaves NULL there, and no log row names these rows: ${entry}, or, if that does not matter, ${ignore}`,
      );
    } else {
      notes.push({
        message: `${what}: if a deletion in ${name} leaves NULL there (on_delete=SET_NULL), no log row names these rows`,
        advice: `${entry[0]?.toUpperCase()}${entry.slice(1)}, or, if that cannot happen, ${ignore}.`,
        ok: false,
      });
    }
  }
  return { faults, notes, referenced: referencedNames };
}

/** The entry of a view source that follows the table, to paste. `name` is how a view source names it; `table` is its name without a schema. */
export function lookupEntry(
  { name, table, column }: { name: string; table: string; column: string },
  contentTypes: ReadonlyMap<string, number>,
): string {
  const type = [...contentTypes.keys()].find((each) => each.replace('.', '_') === table);
  const [app_label = '…', model = '…'] = type?.split('.') ?? [];
  return JSON.stringify({ table: name, app_label, model, column });
}

/** Reads the nullable foreign keys, of the main table and of others, that any clause of the view or of the views behind it uses. */
async function readNullableKeys(client: Queryable, { view, main }: ViewCatalog): Promise<NullableKey[]> {
  const { rows } = await client.query(
    `${RELATIONS_BEHIND}, used as (
       -- Column 0 is the whole table; a view that refers to a whole row uses all of them.
       select d.refobjid as oid, d.refobjsubid as attnum, w.ev_action::text ~ ':varattno 0 ' as is_whole
       from relation r join pg_rewrite w on w.ev_class = r.oid and w.ev_type = '1'
       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
       union
       select oid, 0, true from pg_class where oid = $1 and relkind in ('r', 'p', 'f')
     )
     select distinct on (c.oid, a.attnum, p.oid) c.relname::text as "table", a.attname::text as column, c.oid = $2 as "isOfMain",
       p.oid as referenced, p.relname::text as name, n.nspname::text as schema, f.confdeltype = 'n' as "isNulledByDatabase"
     from used u join pg_class c on c.oid = u.oid
     join pg_attribute a on a.attrelid = c.oid and (a.attnum = u.attnum or u.is_whole) and not a.attnotnull
     join pg_constraint f on f.contype = 'f' and f.conrelid = c.oid and f.conkey = array[a.attnum]
     join pg_class p on p.oid = f.confrelid join pg_namespace n on n.oid = p.relnamespace
     -- Foreign keys to a partitioned table have a constraint for each partition.
     where f.conparentid = 0
     order by c.oid, a.attnum, p.oid, f.confdeltype = 'n' desc`,
    [view.oid, main.oid],
  );
  return rows as NullableKey[];
}
