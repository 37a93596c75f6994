import avro from 'avsc';
import type { FieldShape } from '../field.ts';
import { type AvroHeader, AvroProblem } from './avro-blocks.ts';
import { type AvroOptions, type AvroScalar, type AvroType, scalarOf } from './avro-values.ts';

/** A field of the rows as a column of BigQuery. */
export interface AvroColumn extends AvroScalar, FieldShape {
  readonly name: string;
}

/** How to read the rows of a file. */
export interface AvroSchema {
  readonly type: avro.Type;
  /** Reads strings as bytes. */
  readonly raw: avro.Type;
  readonly columns: readonly AvroColumn[];
}

/** 64-bit integers as bigint. */
const LONG = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => Number(a > b) - Number(a < b),
});

const BYTES = avro.Type.forSchema('bytes');

type Schema = string | AvroType | readonly Schema[];
type Complex = AvroType & { readonly items?: Schema };

/** @throws AvroProblem */
export function readSchema({ schema }: AvroHeader, options: AvroOptions): AvroSchema {
  let type: avro.Type;
  let raw: avro.Type;
  let json: { fields: readonly { name: string; type: Schema }[] };
  try {
    json = JSON.parse(schema);
    type = avro.Type.forSchema(JSON.parse(schema), { wrapUnions: false, typeHook: exactLongs });
    raw = avro.Type.forSchema(JSON.parse(schema), { wrapUnions: false, typeHook: bytesForStrings });
  } catch (error) {
    // avsc checks names: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#limitations
    throw new AvroProblem(`Invalid schema (${error instanceof Error ? error.message : error})`);
  }
  if (type.typeName !== 'record') throw new AvroProblem('The schema is not a record');
  const columns = json.fields.map((field) => columnOf(field.name, field.type, options));
  if (columns.length === 0) throw new AvroProblem('The record has no fields');
  return { type, raw, columns };
}

function exactLongs(schema: unknown): avro.Type | undefined {
  return written(schema as Schema).type === 'long' ? LONG : undefined;
}

function bytesForStrings(schema: unknown): avro.Type | undefined {
  return written(schema as Schema).type === 'string' ? BYTES : exactLongs(schema);
}

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#complex_types */
function columnOf(name: string, schema: Schema, options: AvroOptions): AvroColumn {
  if (Array.isArray(schema))
    return { name, mode: 'NULLABLE', ...single(name, notNull(name, schema), options) };
  const { type, items } = written(schema);
  if (type !== 'array' || items === undefined) {
    return { name, mode: 'REQUIRED', ...single(name, schema, options) };
  }
  // The elements may be declared nullable, but none may be null: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls
  const element = Array.isArray(items) ? notNull(name, items) : items;
  return { name, mode: 'REPEATED', ...single(name, element, options) };
}

function single(name: string, schema: Schema, options: AvroOptions): AvroScalar {
  const avro = written(schema);
  const scalar = scalarOf(avro, options);
  if (scalar) return scalar;
  throw new AvroProblem(`The BigQuery emulator does not support the type ${avro.type} here. Field: ${name}`);
}

/** The only type of a union beside null. */
function notNull(name: string, union: readonly Schema[]): Schema {
  const [only, ...more] = union.filter((branch) => written(branch).type !== 'null');
  if (only !== undefined && more.length === 0) return only;
  throw new AvroProblem(`The BigQuery emulator supports unions of null and one type only. Field: ${name}`);
}

function written(schema: Schema): Complex {
  return typeof schema === 'string' ? { type: schema } : (schema as Complex);
}
