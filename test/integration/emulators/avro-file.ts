import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import avro from 'avsc';

export type Schema = Parameters<typeof avro.Type.forSchema>[0];

export interface AvroFileOptions {
  readonly codec?: string;
  /** Replaces what the header says. */
  readonly metadata?: Readonly<Record<string, string | undefined>>;
}

export const nullable = (type: unknown) => ['null', type];
export const logical = (type: string, logicalType: string) => ({ type, logicalType });
export const decimalType = (precision: number, scale: number) => ({
  type: 'bytes',
  logicalType: 'decimal',
  precision,
  scale,
});
export const DATE = logical('int', 'date');
export const TIME = logical('long', 'time-micros');
export const TIMESTAMP = logical('long', 'timestamp-micros');
export const DATETIME = logical('long', 'local-timestamp-micros');
export const JSON_TYPE = { type: 'string', sqlType: 'JSON' };

/** 64-bit integers are bigint. */
const LONG = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer(value: bigint) {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => Number(a > b) - Number(a < b),
});
const HEADER = avro.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: 4 } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: 16 } },
  ],
});
const COUNT = avro.Type.forSchema('long');
export const SYNC = Buffer.from('the sync marker!');

const COMPRESS: Readonly<Record<string, (data: Buffer) => Buffer>> = {
  null: (data) => data,
  deflate: deflateRawSync,
  zstandard: zstdCompressSync,
};

/** A schema of rows with these fields. */
export function rowSchema(fields: Readonly<Record<string, unknown>>): Schema {
  return {
    type: 'record',
    name: 'Row',
    fields: Object.entries(fields).map(([name, type]) => ({
      name,
      type: type as Schema,
      ...(Array.isArray(type) && type[0] === 'null' && { default: null }),
    })),
  };
}

/** The bytes of rows without anything around them, as avsc writes them. */
export function rowBytes(schema: Schema, rows: readonly object[]): Buffer {
  const type = avro.Type.forSchema(schema, {
    wrapUnions: false,
    typeHook: (part) =>
      (typeof part === 'string' ? part : (part as { type: string }).type) === 'long' ? LONG : undefined,
  });
  return Buffer.concat(rows.map((row) => type.toBuffer(row)));
}

/** An object container file: a header, and a block for each list of rows or `rawBlock`. */
export function avroFile(
  schema: Schema,
  blocks: readonly (readonly object[] | Buffer)[],
  { codec = 'null', metadata = {} }: AvroFileOptions = {},
): Buffer {
  const meta = { 'avro.schema': JSON.stringify(schema), 'avro.codec': codec, ...metadata };
  const known = Object.entries(meta).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Buffer.concat([
    HEADER.toBuffer({
      magic: Buffer.from('Obj\x01'),
      meta: Object.fromEntries(known.map(([key, value]) => [key, Buffer.from(value)])),
      sync: SYNC,
    }),
    ...blocks.map((block) =>
      Buffer.isBuffer(block)
        ? block
        : rawBlock(block.length, COMPRESS[codec]?.(rowBytes(schema, block)) ?? Buffer.of()),
    ),
  ]);
}

/** A block that says that it has so many rows. */
export function rawBlock(rows: number, data: Buffer, sync = SYNC, bytes = data.length): Buffer {
  return Buffer.concat([COUNT.toBuffer(rows), COUNT.toBuffer(bytes), data, sync]);
}

/** The bytes of a decimal. */
export function decimal(unscaled: bigint): Buffer {
  let bytes = 1;
  while (BigInt.asIntN(8 * bytes, unscaled) !== unscaled) bytes += 1;
  return Buffer.from(
    BigInt.asUintN(8 * bytes, unscaled)
      .toString(16)
      .padStart(2 * bytes, '0'),
    'hex',
  );
}
