import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs/minimal.js';
import { FaultError } from '../../faults.ts';
import { BigQueryError } from '../error.ts';

export type StatusName = keyof typeof status;

/**
 * The codes that the emulator sends:
 * https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#google.cloud.bigquery.storage.v1.StorageError
 */
const STORAGE_ERRORS = { SCHEMA_MISMATCH_EXTRA_FIELDS: 7 } as const;
type StorageErrorCode = keyof typeof STORAGE_ERRORS;

/** A refusal by the Write API, with the name of its gRPC status. It ends the call. */
export class WriteError extends Error {
  override readonly name = 'WriteError';
  readonly status: StatusName;
  /** A more exact code, for the trailers of the call. */
  readonly storageError: StorageErrorCode | undefined;

  constructor(statusName: StatusName, message: string, storageError?: StorageErrorCode) {
    super(message);
    this.status = statusName;
    this.storageError = storageError;
  }
}

export const invalidArgument = (message: string) => new WriteError('INVALID_ARGUMENT', message);

/** BigQuery has this, the emulator does not. */
export const unimplemented = (what: string) =>
  new WriteError('UNIMPLEMENTED', `The BigQuery emulator does not support ${what}`);

/**
 * The status that ends a failed call. gRPC cannot break the connection of a single call, so a scripted drop ends with the status that a
 * client reports for a broken connection: UNAVAILABLE. If the reason of a scripted failure is the code of a storage error, its
 * trailers contain that code.
 */
export function serviceError(error: unknown): Partial<StatusObject> & Error {
  const details = error instanceof Error ? error.message : String(error);
  const metadata = new Metadata();
  const storageError = storageErrorOf(error);
  if (storageError !== undefined) metadata.set(STORAGE_ERROR_TRAILER, storageErrorBytes(storageError));
  return Object.assign(new Error(details), { code: status[statusOf(error)], details, metadata });
}

/** What the answer to a request says of an error besides its status; see `serviceError`. */
export function errorDetails(error: Error): { type_url: string; value: Buffer }[] {
  const storageError = storageErrorOf(error);
  return storageError === undefined
    ? []
    : [{ type_url: STORAGE_ERROR_URL, value: storageErrorBytes(storageError) }];
}

const STORAGE_ERROR_URL = 'type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError';
const STORAGE_ERROR_TRAILER = 'google.cloud.bigquery.storage.v1.storageerror-bin';
/** The tag of field 1, `code`. */
const CODE_TAG = 8;

function storageErrorBytes(code: StorageErrorCode): Buffer {
  return Buffer.from(protobuf.Writer.create().uint32(CODE_TAG).int32(STORAGE_ERRORS[code]).finish());
}

function storageErrorOf(error: unknown): StorageErrorCode | undefined {
  if (error instanceof WriteError) return error.storageError;
  if (!(error instanceof FaultError) || error.answer.kind === 'drop') return undefined;
  const { reason } = error.answer;
  return Object.keys(STORAGE_ERRORS).find((code): code is StorageErrorCode => code === reason);
}

/** @throws TypeError for a name that is no status of gRPC. */
export function statusNamed(name: string): StatusName {
  if (!/^[A-Z_]+$/.test(name) || !(name in status)) {
    throw new TypeError(`a gRPC call cannot answer the status ${name}`);
  }
  return name as StatusName;
}

function statusOf(error: unknown): StatusName {
  if (error instanceof WriteError) return error.status;
  if (error instanceof BigQueryError) return error.reason === 'notFound' ? 'NOT_FOUND' : 'INTERNAL';
  if (!(error instanceof FaultError)) return 'INTERNAL';
  return error.answer.kind === 'drop' ? 'UNAVAILABLE' : statusNamed(String(error.answer.status));
}
