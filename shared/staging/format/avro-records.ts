import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decompress } from './zstd.ts';

/** Yields the records of an Avro file as it arrives. 64-bit integers are bigints. */
export async function* avroRecords(stored: Readable): AsyncGenerator<Record<string, unknown>> {
  const { default: avro } = await import('avsc');
  const long = avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(value);
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  });
  const decoder = new avro.streams.BlockDecoder({
    parseHook: (schema) =>
      avro.Type.forSchema(schema, { typeHook: (type) => (isLong(type) ? long : undefined) }),
    codecs: {
      zstandard: (packed: Buffer, done: (error: Error | null, data?: Buffer) => void) => {
        decompress(packed).then(
          (data) => done(null, data),
          (error: unknown) => done(error as Error),
        );
      },
    },
  });
  const decoded = pipeline(stored, decoder);
  // It destroys the stream that is read here with its error.
  decoded.catch(() => undefined);
  yield* decoder as AsyncIterable<Record<string, unknown>>;
}

/** Also of a logical type, such as a timestamp. */
const isLong = (type: unknown): boolean =>
  type === 'long' || (typeof type === 'object' && type !== null && 'type' in type && type.type === 'long');
