import type { Column, TableShape } from '../model/columns.ts';
import { isHashed } from '../model/row-text.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';
import { columnText, rowTextSql } from './row-text-sql.ts';

/** Which columns of the rows of a target are compared, and when. */
export type ComparedTarget = {
  shape: TableShape;
  columns: readonly Pick<Column, 'name' | 'type' | 'mode'>[];
  buckets: number;
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

/** Counts the rows of each bucket, and XORs their hashes. Reads only. */
export function bucketSumsSql(datasets: Datasets, compared: ComparedTarget): string {
  const { bucket, hash } = rowTextSql(compared.shape, compared.columns);
  return `select ${bucket(compared.buckets)} as bucket, count(*) as row_count, bit_xor(${hash}) as hash
${rowsOf(datasets, compared)}
where ${shown(compared.shape)}
group by bucket
`;
}

/**
 * The rows of some buckets, or of all, in ascending order of buckets. The values are those of the columns that no hash proves equal, in
 * order, as JSON. Parameter: `buckets`, an array of INT64, unless all are read. Reads only.
 */
export function bucketRowsSql(datasets: Datasets, compared: ComparedTarget, isAll: boolean): string {
  const { key, bucket, hash } = rowTextSql(compared.shape, compared.columns);
  const values = compared.columns.filter((column) => !isHashed(column)).map((column) => json(column));
  const named = values.map((value, i) => `, ${value} as value_${i}`);
  return `select ${bucket(compared.buckets)} as bucket, ${key} as key, cast(${hash} as string) as hash${named.join('')}
${rowsOf(datasets, compared)}
where ${shown(compared.shape)}${isAll ? '' : ` and ${bucket(compared.buckets)} in unnest(@buckets)`}
order by bucket
`;
}

/**
 * Rows by their keys, with the text of each column, or its JSON where it has no text, in order. Parameter: `keys`, an array of the key's
 * type. Reads only.
 */
export function keyedRowsSql(datasets: Datasets, compared: Omit<ComparedTarget, 'buckets'>): string {
  const { key } = rowTextSql(compared.shape, []);
  const texts = compared.columns.map((column, i) => {
    const text = isHashed(column) ? columnText(column, columnOf(column)) : json(column);
    return `, ${text} as text_${i}`;
  });
  return `select ${key} as key, v_target.etl_transaction_id as etl_transaction_id${texts.join('')}
${rowsOf(datasets, compared)}
where v_target.${quoted(compared.shape.keyColumn)} in unnest(@keys) and ${shown(compared.shape)}
`;
}

const columnOf = ({ name }: Pick<Column, 'name'>): string => `v_target.${quoted(name)}`;

/** The text of SQL's NULL would be that of JSON's null. */
const json = (column: Pick<Column, 'name'>): string =>
  `if(${columnOf(column)} is null, null, to_json_string(${columnOf(column)}))`;
