import type { BigQueryType } from '../model/columns.ts';
import type { Decoder } from './decode/value-decoder.ts';

/** A condition on a value, as SQL, and its meaning: `reason` completes the sentence "the value …". */
export type Reason = { when: (value: string) => string; reason: string };

/**
 * How values of one PostgreSQL type reach BigQuery (docs/architecture.md#types). All functions take and return SQL expressions.
 * `toJson` gives the value as JSON, by which the check shows and compares it. `unrepresentable` gives the condition under which BigQuery
 * cannot hold the value exactly.
 */
export type ValueForm = {
  type: BigQueryType;
  /** Takes what `copied` gives in PostgreSQL's binary form, judges it and writes it. */
  decode: Decoder;
  /** What is copied, where it is not the value itself. `copiedArray` is what is copied of an array of such values: the elements as `copied` gives them. */
  copied?: (value: string) => string;
  copiedArray?: (value: string) => string;
  toJson: (value: string) => string;
  /**
   * The text by which a value is compared with BigQuery's (`shared/model/row-text.ts`), and NULL for NULL; not given for types that are
   * compared by value. Arrays become arrays of the texts of their elements.
   */
  toText?: (value: string) => string;
  unrepresentable?: Reason;
};

/** The form of a column's values; `isRepeated` if each value is an array of the type. */
export type ColumnForm = ValueForm & { isRepeated: boolean };

export const unchanged = (value: string): string => value;
export const asText = (value: string): string => `${value}::text`;

export const isOutside = (low: string, high: string) => (value: string) =>
  `${value} not between ${low} and ${high}`;

/** The text of a value as PostgreSQL writes it out. A cast to text would strip the blanks of a char(n), and add a netmask to an inet. */
export const asWritten = (value: string): string =>
  `case when ${value} is not null then concat(${value}) end`;
/** The microseconds of a time of day, or of a time since 1970 (UTC). */
export const asMicros = (value: string): string => `(extract(epoch from ${value}) * 1000000)::int8::text`;
