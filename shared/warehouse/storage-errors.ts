import { managedwriter, protos } from '@google-cloud/bigquery-storage';

/** An error of the Storage Write API: one that ended a connection has `metadata`, one in an answer has `details`. */
type WriteError = Partial<Pick<ManagedError, 'metadata'>> & {
  details?: protos.google.protobuf.IAny[] | string | null;
};
type ManagedError = Parameters<typeof managedwriter.parseStorageErrors>[0];

const { StorageError } = protos.google.cloud.bigquery.storage.v1;
const STORAGE_ERROR = /\/google\.cloud\.bigquery\.storage\.v1\.StorageError$/;

/** Whether the Storage Write API refused rows because its table has no column for one of their fields. */
export function isExtraFields(error: unknown): boolean {
  return storageErrors(error as WriteError).some(
    ({ code }) => code === StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS,
  );
}

function storageErrors(error: WriteError): protos.google.cloud.bigquery.storage.v1.IStorageError[] {
  const inAnswer = Array.isArray(error.details) ? error.details : [];
  return [
    ...managedwriter.parseStorageErrors(error as ManagedError),
    ...inAnswer
      .filter(({ type_url }) => STORAGE_ERROR.test(type_url ?? ''))
      .map(({ value }) => StorageError.decode(value as Uint8Array)),
  ];
}
