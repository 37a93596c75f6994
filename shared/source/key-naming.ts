import type { ViewSource } from '../model/view-source.ts';
import { atOnce } from '../postgres/at-once.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { findRelation, type Relation } from './catalog.ts';
import { readColumnOrigin } from './column-origin.ts';
import { lookupReference } from './lookup-reference.ts';
import { readViewCatalog, type ViewCatalog } from './view-catalog.ts';

/** So many keys of the view are looked up in the main table, if the catalog does not tell that they are its keys. */
const SAMPLE_ROWS = 200;

/**
 * The faults by which a log row would name another key than the view shows: the key column shows another column than the primary key, or
 * PostgreSQL takes different spellings of a key for equal, while BigQuery does not.
 */
export async function keyNamingFaults(
  client: Queryable,
  source: ViewSource,
  catalog: ViewCatalog,
): Promise<string[]> {
  const { keyColumn, main, mainColumns, primaryKey, view } = catalog;
  if (keyColumn === undefined || primaryKey === null) return [];
  const [origin, shown, named] = await atOnce(client, () => [
    readColumnOrigin(client, view, source.keyColumn),
    caseBlindness(client, view, source.keyColumn),
    caseBlindness(client, main, primaryKey),
  ]);
  if (origin?.relation === main.oid && origin.column !== primaryKey) {
    return [
      `key ${source.keyColumn} shows column ${origin.column} of ${source.mainTable}, but log rows name its primary key ${primaryKey}: let the view show that, and configure it as the key`,
    ];
  }
  const isPadded = keyColumn.name === 'bpchar';
  const isCitext = mainColumns.some(({ column, name }) => column === primaryKey && name === 'citext');
  return [
    ...[...new Set([shown, named])].flatMap((collation) =>
      collation === null
        ? []
        : [
            `keys have the nondeterministic collation ${collation}, which takes different spellings for equal, but BigQuery does not: give column ${primaryKey} of ${source.mainTable} a deterministic one`,
          ],
    ),
    ...(isCitext
      ? [
          `primary key ${primaryKey} of ${source.mainTable} has type citext, which takes different spellings for equal, but BigQuery does not: give it the type text`,
        ]
      : []),
    ...(isPadded
      ? [
          `key ${source.keyColumn} has a type that is padded with spaces: let the view show ${primaryKey}::text`,
        ]
      : []),
  ];
}

/** The nondeterministic collation of a column; null if it has none. */
async function caseBlindness(client: Queryable, { oid }: Relation, column: string): Promise<string | null> {
  const { rows } = await client.query(
    `select c.collname::text as name from pg_attribute a join pg_collation c on c.oid = a.attcollation
     where a.attrelid = $1 and a.attname = $2 and not c.collisdeterministic`,
    [oid, column],
  );
  return (rows[0]?.name as string | undefined) ?? null;
}

/**
 * Checks, before a view source is stored, that its log rows name what the view shows: the faults of its key and of its lookups, and some
 * keys of the view that are no keys of the main table. What does not exist or cannot be read is left to `describeView`.
 */
export async function namingFaults(client: Queryable, source: ViewSource): Promise<string[]> {
  const [view, main] = [
    await findRelation(client, source.name),
    await findRelation(client, source.mainTable),
  ];
  if (view === null || main === null) return [];
  const catalog = await readViewCatalog(client, source, { view, main });
  const faults = await keyNamingFaults(client, source, catalog);
  for (const lookup of source.lookups) {
    const relation = await findRelation(client, lookup.table);
    const found = relation && (await lookupReference(client, lookup, { ...catalog, relation }));
    if (typeof found === 'string') faults.push(found);
  }
  return faults.length > 0 ? faults : await strangeKeys(client, source, catalog);
}

/**
 * The fault of a view some of whose keys are no primary keys of the main table. Nothing shows that of a view without rows whose key the catalog does
 * not tell: with such a key, every change would become the deletion of a row that the target never had.
 */
async function strangeKeys(
  client: Queryable,
  source: ViewSource,
  { keyColumn, keyType, main, primaryKey, view }: ViewCatalog,
): Promise<string[]> {
  if (keyColumn === undefined || keyType === undefined || primaryKey === null) return [];
  const origin = await readColumnOrigin(client, view, source.keyColumn);
  if (origin?.relation === main.oid) return [];
  const { rows } = await client.query(
    `select count(*)::int as keys, count(*) filter (where m.${quoteIdentifier(primaryKey)} is null)::int as strange
     from (select v.${quoteIdentifier(source.keyColumn)}::text as key from ${view.name} v limit ${SAMPLE_ROWS}) sample
     left join ${main.name} m on m.${quoteIdentifier(primaryKey)}::text = key
     where key is not null`,
  );
  const { keys, strange } = rows[0] as { keys: number; strange: number };
  if (keys === 0 && origin === null) {
    return [
      `key ${source.keyColumn} is computed, and the view has no rows that would show whether it is the primary key of ${source.mainTable}, which log rows name: let the view show ${primaryKey} itself or a cast of it, or import again when the view has rows`,
    ];
  }
  if (strange === 0) return [];
  return [
    `key ${source.keyColumn}: of ${SAMPLE_ROWS} rows of the view at most, ${strange} have a key that is no primary key of ${source.mainTable}, which log rows name: let the view show ${primaryKey}`,
  ];
}
