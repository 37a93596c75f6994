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
// | STRING | its number of characters, a colon, and itself |
// | BYTES | hexadecimal digits in lower case |
// | REPEATED | its elements in order, each written like a STRING that holds the element's text |
//
// NULL is NULL_TEXT, and an empty array is the empty text. The texts of the columns follow one another with SEPARATOR between them. Only
// strings can contain it, and their length says where they end.

export const NULL_TEXT = '~';
export const SEPARATOR = ',';

/** The two databases write the values of these types differently, so that they are compared by value. */
const BY_VALUE: ReadonlySet<BigQueryType> = new Set(['FLOAT64', 'JSON']);

/** Whether a hash can prove the values of a column equal. The others must be compared one by one. */
export const isHashed = ({ type }: Pick<Column, 'type'>): boolean => !BY_VALUE.has(type);

/** How many hexadecimal digits of the MD5 of a row's text are its hash: as many as a positive 64-bit integer holds. */
export const HASH_DIGITS = 15;
/** How many of the MD5 of a key's text tell its bucket. */
export const KEY_DIGITS = 8;
