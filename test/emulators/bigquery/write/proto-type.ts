import { isUtf8 } from 'node:buffer';
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  blobValue,
  DOUBLE,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  UBIGINT,
  UINTEGER,
  VARCHAR,
} from '@duckdb/node-api';
import type protobuf from 'protobufjs';

/** How to read the values of a protobuf type, and DuckDB's type for them before their conversion. */
export interface ProtoType {
  /** The name in .proto files. */
  readonly name: string;
  readonly wireType: 0 | 1 | 2 | 5;
  readonly staged: DuckDBType;
  /** @throws Error if the bytes are no value of the type. */
  readonly read: (reader: protobuf.Reader) => DuckDBValue;
}

/**
 * The scalar types that BigQuery accepts, by their names in a descriptor:
 * https://cloud.google.com/bigquery/docs/supported-data-types#supported_protocol_buffer_data_types
 */
export const PROTO_TYPES: ReadonlyMap<string, ProtoType> = new Map(
  Object.entries<ProtoType>({
    TYPE_BOOL: { name: 'bool', wireType: 0, staged: BOOLEAN, read: (reader) => reader.bool() },
    TYPE_BYTES: { name: 'bytes', wireType: 2, staged: BLOB, read: readBytes },
    TYPE_DOUBLE: { name: 'double', wireType: 1, staged: DOUBLE, read: (reader) => reader.double() },
    TYPE_FLOAT: { name: 'float', wireType: 5, staged: DOUBLE, read: (reader) => reader.float() },
    TYPE_INT32: { name: 'int32', wireType: 0, staged: INTEGER, read: (reader) => reader.int32() },
    TYPE_INT64: { name: 'int64', wireType: 0, staged: BIGINT, read: (reader) => bigintOf(reader.int64()) },
    TYPE_STRING: { name: 'string', wireType: 2, staged: VARCHAR, read: readText },
    TYPE_UINT32: { name: 'uint32', wireType: 0, staged: UINTEGER, read: (reader) => reader.uint32() },
    TYPE_UINT64: {
      name: 'uint64',
      wireType: 0,
      staged: UBIGINT,
      read: (reader) => bigintOf(reader.uint64()),
    },
  }),
);

const REPLACEMENT_CHARACTER = '\ufffd';

function readText(reader: protobuf.Reader): string {
  const bytes = readSlice(reader);
  const text = bytes.toString('utf8');
  if (text.includes(REPLACEMENT_CHARACTER) && !isUtf8(bytes)) throw new Error('no valid UTF-8');
  return text;
}

function readBytes(reader: protobuf.Reader): DuckDBValue {
  return blobValue(readSlice(reader));
}

/** Throws if the message ends too early, where protobufjs would return a part of the text or bytes. */
function readSlice(reader: protobuf.Reader): Buffer {
  const length = reader.uint32();
  const start = reader.pos;
  reader.skip(length);
  return (reader.buf as Buffer).subarray(start, reader.pos);
}

function bigintOf({ high, low, unsigned }: { high: number; low: number; unsigned: boolean }): bigint {
  const upper = unsigned ? high >>> 0 : high;
  return (BigInt(upper) << 32n) | BigInt(low >>> 0);
}
