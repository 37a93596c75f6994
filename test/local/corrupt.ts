import type { BigQuery } from '@google-cloud/bigquery';
import type { Pair } from './compare/compare.ts';

/** Reads only. */
export const lowestKeySql = (table: string, keyColumn: string): string =>
  `select cast(min(${keyColumn}) as string) as lowest from ${table} where not is_deleted`;

/** Every run changes the value further. */
export const corruptSql = (table: string, keyColumn: string, column: string): string =>
  `update ${table} set ${column} = concat(coalesce(${column}, ''), ' (corrupted)')
   where cast(${keyColumn} as string) = @key`;

/**
 * Changes one value of one row of a view's target behind the pipeline's back, so that the comparison has something to find:
 * a text column of the row with the lowest key. Returns what it changed. Throws when the table has no such column or row.
 */
export async function corrupt(
  bigquery: BigQuery,
  { target, keyColumn }: Pair,
): Promise<{ key: string; column: string }> {
  const [dataset = '', table = ''] = target.split('.');
  const [metadata] = await bigquery.dataset(dataset).table(table).getMetadata();
  const fields: { name: string; type: string }[] = metadata.schema.fields;
  const column = fields.find(({ name, type }) => type === 'STRING' && name !== keyColumn)?.name;
  if (column === undefined) throw new Error(`${target} has no text column that could be corrupted`);
  const name = `\`${bigquery.projectId}.${target}\``;
  const [[row]] = await bigquery.query(lowestKeySql(name, keyColumn));
  const key: unknown = row?.lowest;
  if (typeof key !== 'string') throw new Error(`${target} has no row that could be corrupted`);
  await bigquery.query({
    query: corruptSql(name, keyColumn, column),
    params: { key },
  });
  return { key, column };
}
