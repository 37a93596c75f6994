import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflateRaw, zstdDecompress } from 'node:zlib';
import avro from 'avsc';

/** https://cloud.google.com/bigquery/quotas#load_jobs; whether it counts the compressed block or its content is [not documented], so neither may be larger. */
const MAX_BLOCK_BYTES = 16 * 1024 * 1024;

/** Why an Avro file cannot be loaded. Whoever knows the file and the row adds them. */
export class AvroProblem extends Error {
  override readonly name = 'AvroProblem';
}

export interface AvroHeader {
  /** The schema of the rows, as JSON. */
  readonly schema: string;
  readonly codec: string;
  readonly sync: Buffer;
  /** Where the first block starts. */
  readonly bytes: number;
}

export interface AvroBlock {
  readonly nth: number;
  /** Where the block starts in the file. */
  readonly position: number;
  readonly rows: number;
  /** The rows, decompressed. */
  readonly data: Buffer;
  /** Where it ends. */
  readonly end: number;
}

// https://avro.apache.org/docs/1.12.0/specification/#object-container-files
const HEADER = avro.Type.forSchema({
  type: 'record',
  name: 'org.apache.avro.file.Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: 4 } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: 16 } },
  ],
});
const BLOCK_START = avro.Type.forSchema({
  type: 'record',
  name: 'BlockStart',
  fields: [
    { name: 'rows', type: 'long' },
    { name: 'bytes', type: 'long' },
  ],
});
const MAX_BLOCK_START_BYTES = 20;
const SYNC_BYTES = 16;
const MAGIC = Buffer.from('Obj\x01');

const LIMIT = { maxOutputLength: MAX_BLOCK_BYTES };
const inflate = promisify<Buffer, object, Buffer>(inflateRaw);
const unpackZstandard = promisify<Buffer, object, Buffer>(zstdDecompress);

/** The codecs of https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#avro_compression, without Snappy. */
const CODECS: Readonly<Record<string, (data: Buffer) => Promise<Buffer>>> = {
  null: async (data) => data,
  deflate: (data) => inflate(data, LIMIT),
  zstandard: (data) => unpackZstandard(data, LIMIT),
};

/** @throws AvroProblem */
export async function readHeader(file: string): Promise<AvroHeader> {
  const handle = await open(file);
  try {
    for (let size = 64 * 1024; ; size *= 4) {
      const start = await readAt(handle, 0, size);
      if (!start.subarray(0, MAGIC.length).equals(MAGIC)) {
        throw new AvroProblem('Invalid data file. Magic does not match');
      }
      const { value, offset } = decode(HEADER, start);
      if (offset >= 0) return headerOf(value, offset);
      if (start.length < size || size > MAX_BLOCK_BYTES) throw new AvroProblem('The header is cut off');
    }
  } finally {
    await handle.close();
  }
}

function headerOf(value: { meta: Record<string, Buffer>; sync: Buffer }, bytes: number): AvroHeader {
  const schema = value.meta['avro.schema'];
  if (!schema) throw new AvroProblem('The header has no schema');
  const codec = String(value.meta['avro.codec'] ?? 'null');
  if (codec === 'snappy') throw new AvroProblem('The BigQuery emulator does not support the codec snappy');
  if (!Object.hasOwn(CODECS, codec)) throw new AvroProblem(`Unknown codec: ${codec}`);
  return { schema: String(schema), codec, sync: value.sync, bytes };
}

/**
 * The blocks of a file, one after the other. avsc's own stream of blocks takes a file that ends within a block for complete.
 * @throws AvroProblem
 */
export async function* readBlocks(file: string, header: AvroHeader): AsyncGenerator<AvroBlock> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const read = (position: number, nth: number) =>
      position < size ? readBlock(handle, position, header, nth) : undefined;
    let next = read(header.bytes, 1);
    for (let block = await next; block; block = await next) {
      // Decompressed by another thread, while the caller uses this one.
      next = read(block.end, block.nth + 1);
      next?.catch(() => {});
      yield block;
    }
  } finally {
    await handle.close();
  }
}

async function readBlock(
  handle: FileHandle,
  position: number,
  { codec, sync }: AvroHeader,
  nth: number,
): Promise<AvroBlock> {
  const problem = (what: string) =>
    new AvroProblem(`${what} in block ${nth}, which starts at byte ${position}`);
  const { value, offset } = decode(BLOCK_START, await readAt(handle, position, MAX_BLOCK_START_BYTES));
  if (offset < 0) throw problem('The file ends');
  const { rows, bytes } = value;
  if (rows < 0 || bytes < 0) throw problem('There is a negative count');
  if (bytes > MAX_BLOCK_BYTES) throw problem('There are more than 16 MB');
  const body = await readAt(handle, position + offset, bytes + SYNC_BYTES);
  if (body.length < bytes + SYNC_BYTES) throw problem('The file ends');
  if (!body.subarray(bytes).equals(sync)) throw problem('The sync marker does not match');
  const data = await CODECS[codec]?.(body.subarray(0, bytes)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_BUFFER_TOO_LARGE') throw problem('There are more than 16 MB');
    throw problem(`The codec ${codec} cannot read the data (${error.message})`);
  });
  if (!data) throw new TypeError(`no codec ${codec}`);
  return { nth, position, rows, data, end: position + offset + body.length };
}

function decode(type: avro.Type, buffer: Buffer): ReturnType<avro.Type['decode']> {
  try {
    return type.decode(buffer);
  } catch (error) {
    // avsc refuses numbers beyond 2^53, which no count is.
    throw new AvroProblem(`The file is corrupt (${error})`);
  }
}

/** Fewer bytes only at the end of the file. */
async function readAt(handle: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(bytes), 0, bytes, position);
  return buffer.subarray(0, bytesRead);
}
