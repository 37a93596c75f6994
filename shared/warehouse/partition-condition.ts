import type { BigQueryType } from '../model/columns.ts';
import { NULL_TEXT } from '../model/row-text.ts';
import { quoted, stringLiteral } from './names.ts';
import { type Granularity, partitionStart } from './tables-sql.ts';

/** The values that some rows have in the column that partitions their target, as texts (shared/model/row-text.ts). */
export type PartitionValues = {
  column: string;
  type: BigQueryType;
  granularity: Granularity;
  texts: ReadonlySet<string>;
};

/**
 * SQL that is true for all rows of the partitions to which the values belong, with literals only, so that BigQuery reads no others
 * (https://cloud.google.com/bigquery/docs/querying-partitioned-tables).
 */
export function partitionCondition({ column, type, granularity, texts }: PartitionValues): string {
  const value = `v_target.${quoted(column)}`;
  // Neither NULL nor a value that no target has is a number.
  const times = [...texts].filter((text) => /^-?\d+$/.test(text)).map((text) => isoTime(text, type));
  const conditions = [
    ...(times.length === 0 ? [] : [among(times.sort(), type, granularity, value)]),
    ...(texts.has(NULL_TEXT) ? [`${value} is null`] : []),
  ];
  return conditions.length === 0 ? 'false' : `(${conditions.join(' or ')})`;
}

function among(
  times: readonly string[],
  type: BigQueryType,
  granularity: Granularity,
  value: string,
): string {
  const starts = new Set(times.map((time) => startOf(time, granularity)));
  const literals = [...starts].map((start) => literal(start, type));
  // datetime_trunc prunes nothing, but bounds do.
  return type === 'DATETIME'
    ? `${value} between ${literals[0]} and ${literal(`${times.at(-1)}999`, type)}`
    : `${partitionStart(type, granularity, value)} in (${literals.join(', ')})`;
}

const MS_A_DAY = 86_400_000;
const MICROS_A_MS = 1000n;

/** The time of a text, to the millisecond before it: `YYYY-MM-DD HH:MM:SS.mmm`. */
function isoTime(text: string, type: BigQueryType): string {
  const ms = type === 'DATE' ? Number(text) * MS_A_DAY : Number(floorDivide(BigInt(text)));
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

const floorDivide = (micros: bigint): bigint =>
  (micros - (((micros % MICROS_A_MS) + MICROS_A_MS) % MICROS_A_MS)) / MICROS_A_MS;

const FIRST = '0001-01-01 00:00:00';
/** How many characters of a time name its partition. */
const KEPT: Record<Granularity, number> = {
  year: 'YYYY'.length,
  month: 'YYYY-MM'.length,
  day: 'YYYY-MM-DD'.length,
  hour: 'YYYY-MM-DD HH'.length,
};

const startOf = (time: string, granularity: Granularity): string =>
  time.slice(0, KEPT[granularity]) + FIRST.slice(KEPT[granularity]);

const literal = (time: string, type: BigQueryType): string =>
  type === 'DATE'
    ? `date ${stringLiteral(time.slice(0, KEPT.day))}`
    : `${type.toLowerCase()} ${stringLiteral(type === 'TIMESTAMP' ? `${time} UTC` : time)}`;
