import type { Column, TableShape } from '../model/columns.ts';
import { isHashed, type StreamingWindow } from '../model/row-text.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';
import { rowTextSql } from './row-text-sql.ts';

/** Which columns of the rows of a target are compared, and when. */
export type ComparedTarget = {
  shape: TableShape;
  columns: readonly Pick<Column, 'name' | 'type' | 'mode'>[];
  buckets: number;
  window: StreamingWindow | null;
  /** As GoogleSQL writes it; null for the present. BigQuery keeps no history of rows that are being streamed. */
  asOf: string | null;
};

function rowsOf(datasets: Datasets, { shape, asOf }: Pick<ComparedTarget, 'shape' | 'asOf'>): string {
  const { target } = objectNames(datasets, shape);
  const time = asOf === null ? '' : ` for system_time as of timestamp ${stringLiteral(asOf)}`;
  return `from ${quoted(target)}${time} v_target`;
}

/** A merged target keeps the rows that are deleted. */
const shown = ({ loadType }: TableShape): string =>
  loadType === 'merge' ? 'not coalesce(v_target.is_deleted, false)' : 'true';

const bucketOf = (buckets: number): string => `mod(cast(v_row.number as int64), ${buckets})`;

/** Counts the rows of each bucket, and XORs their hashes. Reads only. */
export function bucketSumsSql(datasets: Datasets, compared: ComparedTarget): string {
  const { number, hash } = rowTextSql(compared.shape, compared.columns, compared.window);
  return `select ${bucketOf(compared.buckets)} as bucket, count(*) as row_count, bit_xor(cast(v_row.hash as int64)) as hash
from (
  select ${number} as number, ${hash} as hash
  ${rowsOf(datasets, compared)}
  where ${shown(compared.shape)}
) v_row
group by bucket
`;
}

/**
 * The rows of some buckets, or of all, in ascending order of buckets. The values are those of the columns that no hash proves equal, in
 * order, as JSON. Parameter: `buckets`, an array of INT64, unless all are read. Reads only.
 */
export function bucketRowsSql(datasets: Datasets, compared: ComparedTarget, isAll: boolean): string {
  const { key, number, hash } = rowTextSql(compared.shape, compared.columns, compared.window);
  const byValue = compared.columns.filter((column) => !isHashed(column));
  const values = byValue.map((column, i) => `, ${json(column)} as value_${i}`).join('');
  const named = byValue.map((_, i) => `, v_row.value_${i}`).join('');
  const bucket = bucketOf(compared.buckets);
  return `select ${bucket} as bucket, v_row.key, cast(v_row.hash as int64) as hash${named}
from (
  select ${key} as key, ${number} as number, ${hash} as hash${values}
  ${rowsOf(datasets, compared)}
  where ${shown(compared.shape)}
) v_row
${isAll ? '' : `where ${bucket} in unnest(@buckets)\n`}order by bucket
`;
}

/**
 * Rows by their keys, with the texts of the hashed columns and the JSON of all columns, in order. Parameter: `keys`, an array of the key's type.
 * Reads only.
 */
export function keyedRowsSql(datasets: Datasets, compared: Omit<ComparedTarget, 'buckets'>): string {
  const { key, texts } = rowTextSql(compared.shape, compared.columns, compared.window);
  const named = [
    ...texts.map((text, i) => `${text} as text_${i}`),
    ...compared.columns.map((column, i) => `${json(column)} as value_${i}`),
  ];
  return `select ${key} as key, v_target.etl_transaction_id as etl_transaction_id, ${named.join(', ')}
${rowsOf(datasets, compared)}
where v_target.${quoted(compared.shape.keyColumn)} in unnest(@keys) and ${shown(compared.shape)}
`;
}

/** The text of SQL's NULL would be that of JSON's null. */
function json({ name, mode }: Pick<Column, 'name' | 'mode'>): string {
  const value = `v_target.${quoted(name)}`;
  return mode === 'REPEATED'
    ? `to_json_string(${value})`
    : `if(${value} is null, null, to_json_string(${value}))`;
}
