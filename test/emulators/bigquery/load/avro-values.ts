import {
  BIGINT,
  BLOB,
  BOOLEAN,
  blobValue,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  type DuckDBValue,
  HUGEINT,
  STRUCT,
  structValue,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import type { FieldType } from '../field.ts';

/** A value that avsc has read, as a value of DuckDB. Undefined if the column cannot hold it. */
export type Conversion = (value: unknown) => DuckDBValue | undefined;

/** A type of BigQuery, and how it gets its values. */
export interface AvroScalar {
  readonly type: FieldType;
  /** Tells types of Avro with the same representation apart. */
  readonly logicalType?: string;
  readonly convert: Conversion;
}

/** The types of DuckDB that converted values have. */
export const STAGED: Readonly<Record<FieldType, DuckDBType>> = {
  BIGNUMERIC: STRUCT({ $floor: HUGEINT, $fraction: HUGEINT }),
  BOOLEAN,
  BYTES: BLOB,
  DATE,
  DATETIME: TIMESTAMP,
  FLOAT: DOUBLE,
  INTEGER: BIGINT,
  JSON: VARCHAR,
  NUMERIC: DECIMAL(38, 9),
  STRING: VARCHAR,
  TIME,
  TIMESTAMP: TIMESTAMPTZ,
};

const asItIs: Conversion = (value) => value as DuckDBValue;
const integer: Conversion = (value) => BigInt(value as number | bigint);
const bytes: Conversion = (value) => blobValue(value as Buffer);

function json(value: unknown): DuckDBValue | undefined {
  try {
    JSON.parse(value as string);
    return value as string;
  } catch {
    return undefined;
  }
}

function within(first: bigint, last: bigint, unit: bigint, make: (value: bigint) => DuckDBValue): Conversion {
  return (value) => {
    const scaled = unit === 1n ? (value as bigint) : BigInt(value as number | bigint) * unit;
    return scaled >= first && scaled <= last ? make(scaled) : undefined;
  };
}

// The years 1 to 9999: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#date_type
const date: Conversion = (value) => {
  const days = value as number;
  return days >= -719162 && days <= 2932896 ? new DuckDBDateValue(days) : undefined;
};
const time = (unit: bigint) => within(0n, 86_399_999_999n, unit, (micros) => new DuckDBTimeValue(micros));
const [EARLIEST, LATEST] = [-62_135_596_800_000_000n, 253_402_300_799_999_999n];
const timestamp = (unit: bigint) =>
  within(EARLIEST, LATEST, unit, (micros) => new DuckDBTimestampTZValue(micros));
const datetime = (unit: bigint) =>
  within(EARLIEST, LATEST, unit, (micros) => new DuckDBTimestampValue(micros));

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#primitive_types and complex types */
const PLAIN: Readonly<Record<string, AvroScalar>> = {
  boolean: { type: 'BOOLEAN', convert: asItIs },
  bytes: { type: 'BYTES', convert: bytes },
  double: { type: 'FLOAT', convert: asItIs },
  enum: { type: 'STRING', convert: asItIs },
  fixed: { type: 'BYTES', convert: bytes },
  float: { type: 'FLOAT', convert: asItIs },
  int: { type: 'INTEGER', convert: integer },
  long: { type: 'INTEGER', convert: asItIs },
  string: { type: 'STRING', convert: asItIs },
};

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#logical_types; of other representations, Avro ignores the attribute. */
const LOGICAL: Readonly<Record<string, AvroScalar>> = {
  'int date': { type: 'DATE', convert: date },
  'int time-millis': { type: 'TIME', convert: time(1000n) },
  'long time-micros': { type: 'TIME', convert: time(1n) },
  'long timestamp-millis': { type: 'TIMESTAMP', convert: timestamp(1000n) },
  'long timestamp-micros': { type: 'TIMESTAMP', convert: timestamp(1n) },
  'long local-timestamp-millis': { type: 'DATETIME', convert: datetime(1000n) },
  'long local-timestamp-micros': { type: 'DATETIME', convert: datetime(1n) },
};

/** https://cloud.google.com/bigquery/docs/json-data#load_from_files */
const JSON_TEXT: AvroScalar = { type: 'JSON', logicalType: 'JSON', convert: json };

/** An Avro type that is no union and no array. */
export interface AvroType {
  readonly type: string;
  readonly logicalType?: string;
  readonly sqlType?: string;
  readonly precision?: number;
  readonly scale?: number;
}

export interface AvroOptions {
  readonly useAvroLogicalTypes: boolean;
  readonly decimalTargetTypes: readonly string[];
}

/** Undefined for a type that the emulator has no column for. */
export function scalarOf(avro: AvroType, options: AvroOptions): AvroScalar | undefined {
  const { type, logicalType, sqlType } = avro;
  if (type === 'string' && sqlType === 'JSON') return JSON_TEXT;
  if (logicalType === 'decimal' && (type === 'bytes' || type === 'fixed')) {
    const scalar = decimal(avro, options.decimalTargetTypes);
    if (scalar) return scalar;
  }
  const logical = options.useAvroLogicalTypes ? LOGICAL[`${type} ${logicalType}`] : undefined;
  return logical && logicalType ? { ...logical, logicalType } : PLAIN[type];
}

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad.FIELDS.decimal_target_types */
function decimal({ precision = 0, scale = 0 }: AvroType, targets: readonly string[]): AvroScalar | undefined {
  if (!(precision > 0 && scale >= 0 && scale <= precision)) return undefined;
  const isNumeric =
    targets.includes('NUMERIC') &&
    (!targets.includes('BIGNUMERIC') || (scale <= 9 && precision - scale <= 29));
  const logicalType = `decimal(${precision},${scale})`;
  const limit = 10n ** BigInt(precision);
  const read = (value: unknown): bigint | undefined => {
    const unscaled = signed(value as Buffer);
    return unscaled !== undefined && unscaled < limit && unscaled > -limit ? unscaled : undefined;
  };
  return isNumeric
    ? { type: 'NUMERIC', logicalType, convert: (value) => numeric(rescale(read(value), 9 - scale)) }
    : { type: 'BIGNUMERIC', logicalType, convert: (value) => bigNumeric(rescale(read(value), 38 - scale)) };
}

/** A big-endian number in two's complement. */
function signed(value: Buffer): bigint | undefined {
  if (value.length === 0) return undefined;
  const first = value.length % 6 || 6;
  let number = BigInt(value.readIntBE(0, first));
  for (let at = first; at < value.length; at += 6) number = (number << 48n) | BigInt(value.readUIntBE(at, 6));
  return number;
}

/** Undefined if digits other than zeros would be lost. */
function rescale(value: bigint | undefined, digits: number): bigint | undefined {
  if (value === undefined || digits === 0) return value;
  if (digits > 0) return value * 10n ** BigInt(digits);
  const divisor = 10n ** BigInt(-digits);
  return value % divisor === 0n ? value / divisor : undefined;
}

const NUMERIC_LIMIT = 10n ** 38n;

function numeric(units: bigint | undefined): DuckDBValue | undefined {
  if (units === undefined || units >= NUMERIC_LIMIT || units <= -NUMERIC_LIMIT) return undefined;
  return new DuckDBDecimalValue(units, 38, 9);
}

const ONE = 10n ** 38n;
/** BigQuery's own limit is 5.8 times this, which the storage of the emulator does not hold. */
const BIGNUMERIC_LIMIT = 10n ** 76n;

function bigNumeric(units: bigint | undefined): DuckDBValue | undefined {
  if (units === undefined || units >= BIGNUMERIC_LIMIT || units <= -BIGNUMERIC_LIMIT) return undefined;
  const fraction = ((units % ONE) + ONE) % ONE;
  return structValue({ $floor: (units - fraction) / ONE, $fraction: fraction });
}
