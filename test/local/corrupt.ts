import type { BigQuery } from '@google-cloud/bigquery';
import type { Pair } from './compare/compare.ts';

/** Finds the lowest key of a table. Only reads. */
export const lowestKeySql = (table: string, keyColumn: string): string =>
  `select cast(min(\`${keyColumn}\`) as string) as lowest from ${table} where not is_deleted`;

/** Changes one value of one row. Each execution changes the value further. */
export const corruptSql = (table: string, keyColumn: string, column: string): string =>
  `update ${table} set \`${column}\` = concat(coalesce(\`${column}\`, ''), ' (corrupted)')
   where cast(\`${keyColumn}\` as string) = @key`;

/**
 * Changes one value in a view's target without the pipeline's knowledge, so that the comparison has something to find: a text
 * column in the row with the lowest key. Returns what it changed. Throws if the table has no such column or no row.
 */
export async function corrupt(
  bigquery: BigQuery,
  { target, keyColumn }: Pair,
): Promise<{ key: string; column: string }> {
  const [dataset = '', table = ''] = target.split('.');
  const [metadata] = await bigquery.dataset(dataset).table(table).getMetadata();
  const fields: { name: string; type: string; mode?: string }[] = metadata.schema.fields;
  const column = fields.find(
    ({ name, type, mode }) => type === 'STRING' && mode !== 'REPEATED' && name !== keyColumn,
  )?.name;
  if (column === undefined) throw new Error(`${target} has no text column to corrupt`);
  const name = `\`${bigquery.projectId}.${target}\``;
  const [[row]] = await bigquery.query(lowestKeySql(name, keyColumn));
  const key: unknown = row?.lowest;
  if (typeof key !== 'string') throw new Error(`${target} has no row to corrupt`);
  await bigquery.query({
    query: corruptSql(name, keyColumn, column),
    params: { key },
  });
  return { key, column };
}
