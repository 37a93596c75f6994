// Why BigQuery cannot hold a value: each completes the sentence "the value …". The rules stand twice, as decoders and as SQL for the check, and a property test
// holds them together.

/** BigQuery's dates and times have neither infinity nor other years. */
export const OUTSIDE_YEARS = 'is infinite or outside the years 1 to 9999';
export const NOT_24 = 'is 24:00';
export const NOT_FINITE = 'is not a finite number';
export const NOT_BIGNUMERIC =
  'is not a finite number of at most 38 digits on either side of the decimal point';
export const NOT_A_DATETIME = 'is not a valid date and time';
export const INEXACT_JSON =
  'contains a number that INT64, UINT64 and FLOAT64 cannot hold exactly, an unpaired surrogate or a NUL character, or is nested deeper than 500 levels';
/** No reason to refuse a value: a JSON null is staged like an SQL NULL. */
export const JSON_NULL = 'is a JSON null';
export const NESTED_ARRAY = 'has more than one dimension: convert it to JSON in the view (to_jsonb)';
export const ELEMENT_IS_NULL =
  'contains a NULL: remove it (array_remove) or convert the array to JSON (to_jsonb) in the view';
export const NULL_ARRAY = 'is NULL, and a column of arrays cannot be NULL in BigQuery';

/** Of a row, not of a value. */
export const longRow = (bytes: number, maxBytes: number): string =>
  `has ${bytes} bytes in the binary form of PostgreSQL; a row may have at most ${maxBytes}`;

export const withUnfitElement = (reason: string): string => `contains an element that ${reason}`;

export const outsideStreamingWindow = (others: string | undefined): string =>
  `${others === undefined ? '' : `${others}, or `}lies outside the range from 10 years ago to 1 year ahead that BigQuery accepts in a streamed partition column`;
