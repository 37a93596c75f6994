import type { ViewSource } from '../model/view-source.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { SourceView } from './describe-view.ts';

/** https://cloud.google.com/bigquery/quotas#partitioned_tables: the partitions that one job may write. */
const MAX_PARTITIONS = 4000;

/** Whether the rows of the view would fill more partitions than BigQuery writes at once. Reads the whole view. */
export async function partitionFaults(
  client: Queryable,
  { partition }: ViewSource,
  view: SourceView,
): Promise<string[]> {
  const column = view.columns.find(({ name }) => name === partition?.column);
  if (partition === null || column === undefined) return [];
  const value = `v.${quoteIdentifier(column.name)}`;
  const { rows } = await client.query(
    `select count(distinct date_trunc($1, case when ${column.unrepresentable?.when ?? 'false'} then null else ${value}::timestamp end))::int as partitions
     from ${view.relation} v`,
    [partition.granularity],
  );
  const { partitions } = rows[0] as { partitions: number };
  if (partitions <= MAX_PARTITIONS) return [];
  return [
    `partition column ${column.name}: by ${partition.granularity}, the rows of the view fill ${partitions} partitions, but BigQuery writes at most ${MAX_PARTITIONS} at once: choose a larger granularity`,
  ];
}
