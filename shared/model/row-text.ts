import type { BigQueryType, Column } from './columns.ts';

// Both databases write a row as the same text, so that a hash of it proves the row equal. The SQL of both sides is in
// shared/source/row-text-sql.ts and shared/warehouse/row-text-sql.ts; a property test holds them together.
//
// | type | text |
// | --- | --- |
// | INT64 | its decimal digits |
// | BOOL | `1` or `0` |
// | NUMERIC, BIGNUMERIC | its decimal digits, without zeros at the end of the fraction |
// | DATE | days since 1970-01-01 |
// | DATETIME, TIMESTAMP, TIME | microseconds since 1970-01-01 (UTC), or since midnight |
// | STRING | its number of bytes in UTF-8, a colon, and itself |
// | BYTES | hexadecimal digits in lower case |
// | REPEATED | its elements in order, each written like a STRING that holds the element's text |
//
// NULL is NULL_TEXT, and an empty array is the empty text. The texts of the columns follow one another with SEPARATOR between them. Only
// strings can contain it, and their length says where they end. The hash is that of the row's text in UTF-8.

export const NULL_TEXT = '~';
export const SEPARATOR = ',';
/** The text of a value that stops the batch which carries it: no value of a target has it. */
export const STOPPING_TEXT = '!';

/** The two databases write the values of these types differently, so that they are compared by value. */
const BY_VALUE: ReadonlySet<BigQueryType> = new Set(['FLOAT64', 'JSON']);

/** Whether a hash can prove the values of a column equal. The others must be compared one by one. */
export const isHashed = ({ type }: Pick<Column, 'type'>): boolean => !BY_VALUE.has(type);

/** How many hexadecimal digits of the MD5 of a row's text are its hash: as many as a positive 64-bit integer holds. */
export const HASH_DIGITS = 15;
/** How many of the MD5 of a key's text tell its bucket. */
export const KEY_DIGITS = 8;

/**
 * The values of a streamed partition column that can be compared. BigQuery accepts no others in a stream, so that they arrive as NULL, but a
 * load brings them: both sides write them as NULL_TEXT. `from` and `to` are ISO timestamps, the same for both sides.
 */
export type StreamingWindow = { column: string; from: string; to: string };

const MS_A_DAY = 86_400_000;
const MICROS_A_MS = 1000;

/** The window in the unit of the column's text, for SQL of both sides: `between … and …`. */
export function betweenBounds({ type }: Pick<Column, 'type'>, { from, to }: StreamingWindow): string {
  const [low, high] = [Date.parse(from), Date.parse(to)];
  return type === 'DATE'
    ? `between ${Math.ceil(low / MS_A_DAY)} and ${Math.floor(high / MS_A_DAY)}`
    : `between ${low * MICROS_A_MS} and ${high * MICROS_A_MS}`;
}

/** What decides the texts of a row besides its values. */
export type RowTextOptions = {
  /** Whether the server's encoding is UTF-8, as BigQuery's is, so that its texts need no conversion. */
  isUtf8: boolean;
  /** Null if the values of all columns can be compared (`readStreamingWindow`). */
  window: StreamingWindow | null;
};

/** Expressions in the SQL of one side, by which its rows are compared with those of the other. */
export type RowTextSql = {
  /** The key as text. */
  key: string;
  /** The bucket of the row among `buckets`: a whole number. */
  bucket: (buckets: number) => string;
  /** The hash of the row, as a 64-bit integer. */
  hash: string;
  /** The texts of the hashed columns, in their order. */
  texts: string[];
};
