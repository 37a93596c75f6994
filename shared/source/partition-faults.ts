import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { SourceView } from './describe-view.ts';
import type { Note } from './model-faults.ts';
import { readBriefly } from './read-briefly.ts';

/** https://cloud.google.com/bigquery/quotas#partitioned_tables: the partitions that one job may write. */
const MAX_PARTITIONS = 4000;

/**
 * Whether the rows of the view would fill more partitions than BigQuery writes at once. Looks at the first and the last date, and reads the whole
 * view only if these are too far apart. Notes that it could not find out in time.
 */
export async function partitionFindings(
  client: Queryable,
  source: ViewSource,
  view: SourceView,
): Promise<{ faults: string[]; notes: Note[] }> {
  const { partition } = source;
  const column = view.columns.find(({ name }) => name === partition?.column);
  if (partition === null || column === undefined) return { faults: [], notes: [] };
  const value = `v.${quoteIdentifier(column.name)}`;
  const held = `case when ${column.unrepresentable?.when ?? 'false'} then null else ${value}::timestamp end`;
  const isText = source.datetimeColumns.includes(column.name);
  const found = await readBriefly(client, async () => {
    const most = await spannedPartitions(client, view, isText ? held : value, partition.granularity);
    if (most !== null && most <= MAX_PARTITIONS) return { partitions: most };
    const { rows } = await client.query(
      `select count(distinct date_trunc($1, ${held}))::int as partitions from ${view.relation} v`,
      [partition.granularity],
    );
    return rows[0] as { partitions: number };
  });
  const by = `partition column ${column.name}: by ${partition.granularity}`;
  if (found === null) {
    const message = `${by}, it is not known how many partitions the rows of view ${view.name} fill, since counting them takes longer than a check may`;
    const advice = `See that there are at most ${MAX_PARTITIONS}: BigQuery refuses to load more at once.`;
    return { faults: [], notes: [{ message, advice }] };
  }
  if (found.partitions <= MAX_PARTITIONS) return { faults: [], notes: [] };
  return {
    faults: [
      `${by}, the rows of the view fill ${found.partitions} partitions, but BigQuery writes at most ${MAX_PARTITIONS} at once: choose a larger granularity`,
    ],
    notes: [],
  };
}

/** The partitions from the first value to the last one, which an index may tell; null if there is none, or one that is infinite. */
async function spannedPartitions(
  client: Queryable,
  { relation }: SourceView,
  value: string,
  granularity: string,
): Promise<number | null> {
  const { rows } = await client.query(
    `select case when isfinite(low) and isfinite(high) then case $1
         when 'year' then extract(year from high) - extract(year from low)
         when 'month' then (extract(year from high) - extract(year from low)) * 12 + extract(month from high) - extract(month from low)
         when 'day' then extract(epoch from date_trunc('day', high) - date_trunc('day', low)) / 86400
         when 'hour' then extract(epoch from date_trunc('hour', high) - date_trunc('hour', low)) / 3600
       end + 1 end::float8 as partitions
     from (select min(${value})::timestamp as low, max(${value})::timestamp as high from ${relation} v) bounds`,
    [granularity],
  );
  return (rows[0] as { partitions: number | null }).partitions;
}
