import type { Column, TableShape } from '../model/columns.ts';
import type { KeyRange, RowOrder } from '../model/drill.ts';
import { isHashed, type StreamingWindow } from '../model/row-text.ts';
import { type Datasets, objectNames, quoted, stringLiteral } from './names.ts';
import { deleteRepeated } from './procedure-sql.ts';
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
  return `from ${quoted(target)} v_target${time}`;
}

/** A merged target keeps the rows that are deleted. */
const shown = ({ loadType }: TableShape): string =>
  loadType === 'merge' ? 'not coalesce(v_target.is_deleted, false)' : 'true';

/** Counts the rows of each bucket, and XORs their hashes. Reads only. */
export function bucketSumsSql(datasets: Datasets, compared: ComparedTarget): string {
  const { bucket, hash } = rowTextSql(compared.shape, compared.columns, compared.window);
  return `select ${bucket(compared.buckets)} as bucket, count(*) as row_count, bit_xor(${hash}) as row_hash
${rowsOf(datasets, compared)}
where ${shown(compared.shape)}
group by bucket
`;
}

/** Which rows of a target are read one by one, in what order. */
export type HashedSelection = {
  order: RowOrder;
  /** Null for all keys. */
  range: KeyRange | null;
  /** The parameter that lists what is read; null if it is all: the numbers of `buckets`, or `keys`. */
  listed: 'buckets' | 'keys' | null;
  /** SQL that is true for the rows of some partitions, of which no others are read. */
  partitions: string | null;
};

/**
 * Rows in ascending order of places. The values are those of the columns that no hash proves equal, in order, as JSON. Parameters: `buckets`, an
 * array of INT64, or `keys`, an array of the key's type. Reads only.
 */
export function hashedRowsSql(
  datasets: Datasets,
  compared: ComparedTarget,
  { order, range, listed, partitions }: HashedSelection,
): string {
  const { key: keyText, bucket, hash } = rowTextSql(compared.shape, compared.columns, compared.window);
  const values = compared.columns.filter((column) => !isHashed(column)).map(json);
  const named = values.map((value, i) => `, ${value} as value_${i}`).join('');
  const [key, number] = [`v_target.${quoted(compared.shape.keyColumn)}`, bucket(compared.buckets)];
  const conditions = [
    shown(compared.shape),
    ...(range === null || range.from === null ? [] : [`${key} >= ${range.from}`]),
    ...(range === null || range.to === null ? [] : [`${key} < ${range.to}`]),
    ...(listed === 'buckets' ? [`${number} in unnest(@buckets)`] : []),
    ...(listed === 'keys' ? [`${key} in unnest(@keys)`] : []),
    ...(partitions === null ? [] : [partitions]),
  ];
  return `select ${order === 'key' ? key : number} as place, ${keyText} as key, ${hash} as row_hash${named}
${rowsOf(datasets, compared)}
where ${conditions.join(' and ')}
order by place
`;
}

/**
 * Rows by their keys, with the texts of the hashed columns and the JSON of all columns, in order. Parameter: `keys`, an array of the key's type.
 * Reads only.
 */
export function keyedRowsSql(datasets: Datasets, compared: Omit<ComparedTarget, 'buckets'>): string {
  return `select ${rowColumns(compared)}
${rowsOf(datasets, compared)}
where v_target.${quoted(compared.shape.keyColumn)} in unnest(@keys) and ${shown(compared.shape)}
`;
}

/** The same rows of a merged target, with those that are marked as deleted. Parameter: `keys`. Reads only. */
export function rowStatesSql(datasets: Datasets, compared: Omit<ComparedTarget, 'buckets'>): string {
  return `select coalesce(v_target.is_deleted, false) as is_deleted, ${rowColumns(compared)}
${rowsOf(datasets, compared)}
where v_target.${quoted(compared.shape.keyColumn)} in unnest(@keys)
`;
}

function rowColumns({ shape, columns, window }: Omit<ComparedTarget, 'buckets'>): string {
  const { key, texts } = rowTextSql(shape, columns, window);
  return [
    `${key} as key, v_target.etl_transaction_id as etl_transaction_id`,
    ...texts.map((text, i) => `${text} as text_${i}`),
    ...columns.map((column, i) => `${json(column)} as value_${i}`),
  ].join(', ');
}

/** For a person to run: deletes the rows of a target with these keys, or with keys that several rows have. */
export function deleteRowsSql(
  datasets: Datasets,
  { target, keyColumn }: Pick<TableShape, 'target' | 'keyColumn'>,
  keys: readonly string[] | 'repeated',
): string {
  const [table, key] = [quoted(objectNames(datasets, { target }).target), quoted(keyColumn)];
  if (keys === 'repeated') return deleteRepeated(table, key);
  return `delete from ${table} where cast(${key} as string) in (${keys.map(stringLiteral).join(', ')})`;
}

/** The text of SQL's NULL would be that of JSON's null. */
function json({ name, mode }: Pick<Column, 'name' | 'mode'>): string {
  const value = `v_target.${quoted(name)}`;
  return mode === 'REPEATED'
    ? `to_json_string(${value})`
    : `if(${value} is null, null, to_json_string(${value}))`;
}
