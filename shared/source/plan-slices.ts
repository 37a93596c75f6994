import type pg from 'pg';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { SourceView } from './describe-view.ts';

/** A part of a view with integer keys: the rows whose key lies in [from, to). Null stands for an open end. */
export type Slice = { from: bigint | null; to: bigint | null };

export const hasIntegerKey = ({ keyType }: SourceView): boolean =>
  ['smallint', 'integer', 'bigint'].includes(keyType.sqlType);

/**
 * Cuts a large view into at most `maxSlices` slices of about `sliceRows` rows, by its integer key. Returns one slice with open ends
 * if the view is small, has keys of another type, or has no statistics yet.
 */
export async function planSlices(
  client: pg.ClientBase,
  view: SourceView,
  limits: { sliceRows: number; maxSlices: number },
): Promise<Slice[]> {
  const whole: Slice[] = [{ from: null, to: null }];
  if (!hasIntegerKey(view)) return whole;
  const tableRows = await estimateRows(client, view);
  const count = Math.min(limits.maxSlices, Math.ceil(tableRows / limits.sliceRows));
  if (count < 2) return whole;
  const cuts = (await cutsOfHistogram(client, view, count)) ?? (await evenCuts(client, view, count));
  return [null, ...cuts].map((from, i) => ({ from, to: cuts[i] ?? null }));
}

/**
 * The keys that cut the table into `count` parts of about as many rows, by the histogram of the key, which has as many rows between any two neighbours of its
 * bounds. Null if the key has none, or the role may not see it.
 */
async function cutsOfHistogram(
  client: pg.ClientBase,
  view: SourceView,
  count: number,
): Promise<bigint[] | null> {
  const { rows } = await client.query(
    // Of a partitioned table, the statistics of the whole.
    `select s.histogram_bounds::text::text[] as bounds from pg_stats s
     join pg_namespace n on n.nspname = s.schemaname join pg_class c on c.relnamespace = n.oid and c.relname = s.tablename
     where c.oid = $1::regclass and s.attname = $2 and s.histogram_bounds is not null order by s.inherited desc limit 1`,
    [view.mainTable, view.primaryKey],
  );
  const bounds = ((rows[0]?.bounds ?? []) as string[]).map(BigInt);
  const steps = bounds.length - 1;
  if (steps < 1) return null;
  const cuts = Array.from({ length: count - 1 }, (_, i) => {
    const place = ((i + 1) * steps) / count;
    const below = Math.floor(place);
    const [low = 0n, high = low] = bounds.slice(below);
    return (
      low + ((high - low) * BigInt(Math.round((place - below) * PARTS_OF_A_STEP))) / BigInt(PARTS_OF_A_STEP)
    );
  });
  return [...new Set(cuts)];
}

/** A cut may lie between two bounds, at so many places. */
const PARTS_OF_A_STEP = 1000;

/** Keys at even distances. */
async function evenCuts(client: pg.ClientBase, view: SourceView, count: number): Promise<bigint[]> {
  const key = quoteIdentifier(view.primaryKey);
  const bounds = await client.query(
    `select min(${key})::int8 as low, max(${key})::int8 as high from ${view.mainTable}`,
  );
  const { low, high } = bounds.rows[0] as { low: bigint | null; high: bigint | null };
  if (low === null || high === null) return [];
  return Array.from({ length: count - 1 }, (_, i) => low + ((high - low) * BigInt(i + 1)) / BigInt(count));
}

/** How many rows the main table of a view has, as PostgreSQL last estimated; 0 if it has no statistics yet. */
export async function estimateRows(client: pg.ClientBase, view: SourceView): Promise<number> {
  const { rows } = await client.query(
    `with recursive part as (
       select $1::regclass::oid as oid
       union all select i.inhrelid from part p join pg_inherits i on i.inhparent = p.oid
     )
     -- A partitioned table has no rows of its own, and no count of its partitions' rows before somebody analyzes it.
     select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint as "tableRows"
     from part join pg_class c on c.oid = part.oid where c.relkind <> 'p'`,
    [view.mainTable],
  );
  return Number(rows[0].tableRows as bigint);
}
