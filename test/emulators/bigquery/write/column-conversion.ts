import type { TableSettings } from '../catalog.ts';
import type { Field, FieldType } from '../field.ts';
import { fromText } from '../load/json-column.ts';
import type { ProtoType } from './proto-type.ts';

/** DuckDB's expressions for one column. */
export interface ConvertedColumn {
  readonly value: string;
  /** Is the staged value a value of the column's type? Never NULL; true for NULL. */
  readonly fits: string;
}

type Conversion = (staged: string, field: Field) => ConvertedColumn;

const INTEGERS = ['int32', 'int64', 'uint32', 'uint64'];

const asItIs: Conversion = (staged) => ({ value: staged, fits: 'true' });
const asText: Conversion = (staged, field) => {
  const { value, isValue } = fromText(field, staged);
  return { value, fits: `(${staged} is null or ${isValue})` };
};
const asNumber: Conversion = (staged, field) => asText(`${staged}::varchar`, field);

/** Days since 1970-01-01, in the years 1 to 9999. */
const fromDays: Conversion = (staged) => ({
  value: `(date '1970-01-01' + ${staged}::integer)`,
  fits: `coalesce(${staged} between -719162 and 2932896, true)`,
});

/** Microseconds since 1970-01-01, in the years 1 to 9999. */
const fromMicroseconds: Conversion = (staged) => ({
  value: `make_timestamptz(${staged}::bigint)`,
  fits: `coalesce(${staged} between -62135596800000000 and 253402300799999999, true)`,
});

/**
 * How values become values of a column, by the types of the column and of the protobuf field. No other pair of types converts.
 * https://cloud.google.com/bigquery/docs/supported-data-types#supported_protocol_buffer_data_types
 */
const CONVERSIONS: Readonly<Record<FieldType, Readonly<Record<string, Conversion>>>> = {
  BIGNUMERIC: { string: asText, ...each(INTEGERS, asNumber) },
  BOOLEAN: { bool: asItIs, ...each(INTEGERS, (staged) => ({ value: `(${staged} <> 0)`, fits: 'true' })) },
  BYTES: { bytes: asItIs, string: (staged) => ({ value: `encode(${staged})`, fits: 'true' }) },
  DATE: { int32: fromDays, int64: fromDays, string: asText },
  DATETIME: { string: asText },
  FLOAT: { double: asItIs, float: asItIs },
  INTEGER: each(['int32', 'int64', 'uint32'], asItIs),
  JSON: {
    string: (staged) => ({ value: `json(${staged})`, fits: `coalesce(json_valid(${staged}), true)` }),
  },
  NUMERIC: { string: asText, ...each(INTEGERS, asNumber) },
  STRING: { string: asItIs },
  TIME: { string: asText },
  TIMESTAMP: each(['int32', 'int64', 'uint32'], fromMicroseconds),
};

/** Undefined if the protobuf type does not convert to the type of the column. */
export function convert(field: Field, type: ProtoType, staged: string): ConvertedColumn | undefined {
  const conversion = CONVERSIONS[field.type][type.name];
  if (!conversion) return undefined;
  if (field.mode !== 'REPEATED') return conversion(staged, field);
  const element = conversion('e', { ...field, mode: 'NULLABLE' });
  return {
    value: `list_transform(${staged}, lambda e: ${element.value})`,
    fits: `coalesce(list_bool_and(list_transform(${staged}, lambda e: ${element.fits})), true)`,
  };
}

/**
 * DuckDB's expression for whether a value of the partitioning column may be streamed: from 10 years in the past to 1 year in the future.
 * Undefined for other columns. https://cloud.google.com/bigquery/docs/write-api-grpc#time-unit_column_partitioning
 */
export function streamable(
  field: Field,
  value: string,
  { timePartitioning }: TableSettings,
): string | undefined {
  if (timePartitioning?.field?.toLowerCase() !== field.name.toLowerCase()) return undefined;
  const [time, now] = [`${value}::timestamp`, 'now()::timestamp'];
  return `coalesce(${time} between ${now} - interval 10 year and ${now} + interval 1 year, true)`;
}

function each(types: readonly string[], conversion: Conversion): Record<string, Conversion> {
  return Object.fromEntries(types.map((type) => [type, conversion]));
}
