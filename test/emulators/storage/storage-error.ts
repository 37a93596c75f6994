/**
 * A refusal in Cloud Storage's words; the server answers it in the JSON shape of Google's errors.
 * Statuses and reasons: https://cloud.google.com/storage/docs/json_api/v1/status-codes
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export const invalid = (message: string) => new StorageError(400, 'invalid', message);
export const notFound = (message: string) => new StorageError(404, 'notFound', message);
export const conflict = (message: string) => new StorageError(409, 'conflict', message);
/** Cloud Storage has this, the emulator does not. */
export const unsupported = (what: string) =>
  new StorageError(501, 'notImplemented', `The Cloud Storage emulator does not support ${what}.`);
