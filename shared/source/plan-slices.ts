import type pg from 'pg';
import { type Slice, WHOLE } from '../model/slice.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';

/** Each holds the values of those before it. */
const INTEGER_TYPES = ['smallint', 'integer', 'bigint'];
/** They hold the values of any type. */
const TEXT_TYPES = ['text', 'bpchar'];

export const hasIntegerKey = ({ keyType }: Pick<SourceView, 'keyType'>): boolean =>
  INTEGER_TYPES.includes(keyType.sqlType);

/** SQL for the rows of a slice, where `key` is SQL for the key; the empty list for a whole view. */
export function sliceConditions(
  { from, to }: Slice,
  key: string,
  { keyType }: Pick<SourceView, 'keyType'>,
): string[] {
  const bound = (text: string) => `${quoteLiteral(text)}::${keyType.sqlType}`;
  return [
    ...(from === null ? [] : [`${key} >= ${bound(from)}`]),
    ...(to === null ? [] : [`${key} < ${bound(to)}`]),
  ];
}

/**
 * Cuts a large view into at most `maxSlices` slices of about `sliceRows` rows, by PostgreSQL's statistics of the key. Returns one slice with
 * open ends if the view is small, or nothing says yet where to cut it.
 */
export async function planSlices(
  client: pg.ClientBase,
  view: SourceView,
  limits: { sliceRows: number; maxSlices: number },
): Promise<Slice[]> {
  const tableRows = await estimateRows(client, view);
  const count = Math.min(limits.maxSlices, Math.ceil(tableRows / limits.sliceRows));
  if (count < 2 || !(await hasKeysOfTable(client, view))) return [WHOLE];
  const bounds = await histogramOf(client, view);
  const cuts = bounds.length > 1 ? cutsOfHistogram(bounds, count, view) : await evenCuts(client, view, count);
  return slicesBetween(WHOLE, await inKeyOrder(client, view, cuts));
}

/** The parts of a slice that these cuts make, which lie within it and ascend. */
const slicesBetween = ({ from, to }: Slice, cuts: readonly string[]): Slice[] =>
  [from, ...cuts].map((low, i) => ({ from: low, to: cuts[i] ?? to }));

/**
 * The bounds of the key's histogram, as text: the table has as many rows between any two neighbours. None if the key has no histogram, or
 * the role may not see it.
 */
async function histogramOf(client: pg.ClientBase, view: SourceView): Promise<string[]> {
  const { rows } = await client.query(
    // Of a partitioned table, the statistics of the whole.
    `select s.histogram_bounds::text::text[] as bounds from pg_stats s
     join pg_namespace n on n.nspname = s.schemaname join pg_class c on c.relnamespace = n.oid and c.relname = s.tablename
     where c.oid = $1::regclass and s.attname = $2 and s.histogram_bounds is not null order by s.inherited desc limit 1`,
    [view.mainTable, view.primaryKey],
  );
  return (rows[0]?.bounds ?? []) as string[];
}

/** The keys that cut the table into `count` parts of about as many rows; fewer where the bounds of other keys than integers are too few. */
function cutsOfHistogram(bounds: readonly string[], count: number, view: SourceView): string[] {
  const steps = bounds.length - 1;
  return Array.from({ length: count - 1 }, (_, i) => {
    const place = ((i + 1) * steps) / count;
    if (!hasIntegerKey(view)) return bounds[Math.round(place)] as string;
    const below = Math.floor(place);
    const [low = 0n, high = low] = bounds.slice(below, below + 2).map(BigInt);
    const part = BigInt(Math.round((place - below) * PARTS_OF_A_STEP));
    return String(low + ((high - low) * part) / BigInt(PARTS_OF_A_STEP));
  });
}

/** A cut may lie between two bounds, at so many places. */
const PARTS_OF_A_STEP = 1_000_000;

/** Integer keys at even distances within a slice; no cuts for other keys. */
async function evenCuts(
  client: pg.ClientBase,
  view: SourceView,
  count: number,
  { from, to }: Slice = WHOLE,
): Promise<string[]> {
  if (!hasIntegerKey(view)) return [];
  const key = quoteIdentifier(view.primaryKey);
  const bounds = await client.query(
    `select coalesce($1::int8, min(${key})::int8) as low, coalesce($2::int8, max(${key})::int8) as high from ${view.mainTable}`,
    [from, to],
  );
  const { low, high } = bounds.rows[0] as { low: bigint | null; high: bigint | null };
  if (low === null || high === null) return [];
  return Array.from({ length: count - 1 }, (_, i) =>
    String(low + ((high - low) * BigInt(i + 1)) / BigInt(count)),
  );
}

/** The keys without repetitions, in the order by which the key of the view is compared: its collation may be another one than that of the table. */
async function inKeyOrder(
  client: pg.ClientBase,
  { keyColumn, keyType, relation }: SourceView,
  keys: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query(
    `select key::text as key from (
       (select ${quoteIdentifier(keyColumn)} as key from ${relation} limit 0)
       union select k::${keyType.sqlType} from unnest($1::text[]) k
     ) cuts order by cuts.key`,
    [keys],
  );
  return rows.map((row) => row.key as string);
}

/**
 * Whether every key of the main table can be cast to the type of the view's key. Where it cannot, the view leaves out those for which its own cast
 * would fail, such as texts that are no numbers.
 */
async function hasKeysOfTable(client: pg.ClientBase, view: SourceView): Promise<boolean> {
  const { rows } = await client.query(
    `select format_type(a.atttypid, null) as type from pg_attribute a where a.attrelid = $1::regclass and a.attname = $2`,
    [view.mainTable, view.primaryKey],
  );
  const type = String(rows[0]?.type);
  const { sqlType } = view.keyType;
  const holding = INTEGER_TYPES.includes(type) ? INTEGER_TYPES.slice(INTEGER_TYPES.indexOf(type)) : [type];
  return [...holding, ...TEXT_TYPES].includes(sqlType);
}

/**
 * Cuts a slice into at most `count` parts with about as many keys, and for that reads those of the main table. Returns null for a slice with fewer
 * than `minRows` keys.
 */
export async function splitSlice(
  client: pg.ClientBase,
  view: SourceView,
  slice: Slice,
  { count, minRows }: { count: number; minRows: number },
): Promise<Slice[] | null> {
  const hasKeys = await hasKeysOfTable(client, view);
  const column = quoteIdentifier(hasKeys ? view.primaryKey : view.keyColumn);
  const key = `(t.${column}::${view.keyType.sqlType}${await collationOf(client, view)})`;
  const conditions = sliceConditions(slice, key, view);
  const { rows } = await client.query(
    `select count(*) as "keys", percentile_disc($1::float8[]) within group (order by ${key})::text[] as cuts
     from ${hasKeys ? view.mainTable : view.relation} t ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}`,
    [Array.from({ length: count - 1 }, (_, i) => (i + 1) / count)],
  );
  const { keys, cuts } = rows[0] as { keys: bigint; cuts: (string | null)[] | null };
  if (keys < BigInt(minRows)) return null;
  const inside = await inKeyOrder(
    client,
    view,
    (cuts ?? []).filter((cut) => cut !== null && cut !== slice.from) as string[],
  );
  return inside.length === 0 ? null : slicesBetween(slice, inside);
}

/** Cuts a slice of integer keys at even distances, however many rows there are between them; null if there is nothing to cut, or for other keys. */
export async function splitEvenly(
  client: pg.ClientBase,
  view: SourceView,
  slice: Slice,
  count: number,
): Promise<Slice[] | null> {
  if (!(await hasKeysOfTable(client, view))) return null;
  const cuts = await evenCuts(client, view, count, slice);
  const inside = await inKeyOrder(
    client,
    view,
    cuts.filter((cut) => cut !== slice.from),
  );
  return inside.length === 0 ? null : slicesBetween(slice, inside);
}

/** SQL for the collation of the view's key, if it has one: cuts in another order would make parts that overlap. */
async function collationOf(client: pg.ClientBase, { keyColumn, relation }: SourceView): Promise<string> {
  const { rows } = await client.query(
    `select format('%I.%I', n.nspname, c.collname) as name from pg_attribute a
     join pg_collation c on c.oid = a.attcollation join pg_namespace n on n.oid = c.collnamespace
     where a.attrelid = $1::regclass and a.attname = $2`,
    [relation, keyColumn],
  );
  return rows[0] === undefined ? '' : ` collate ${rows[0].name}`;
}

/** How many rows the main table of a view has, as PostgreSQL last estimated; 0 if it has no statistics yet. */
export const estimateRows = async (
  client: pg.ClientBase,
  view: Pick<SourceView, 'mainTable'>,
): Promise<number> => (await estimateSize(client, view)).rows;

/** The rows of the main table of a view, as PostgreSQL last estimated, 0 if it has no statistics yet, and the bytes that they take on disk. */
export async function estimateSize(
  client: pg.ClientBase,
  { mainTable }: Pick<SourceView, 'mainTable'>,
): Promise<{ rows: number; bytes: number }> {
  const { rows } = await client.query(
    `with recursive part as (
       select $1::regclass::oid as oid
       union all select i.inhrelid from part p join pg_inherits i on i.inhparent = p.oid
     )
     -- A partitioned table has no rows of its own, and no count of its partitions' rows before somebody analyzes it.
     select coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 as rows, coalesce(sum(pg_table_size(c.oid)), 0)::float8 as bytes
     from part join pg_class c on c.oid = part.oid where c.relkind <> 'p'`,
    [mainTable],
  );
  return rows[0] as { rows: number; bytes: number };
}
