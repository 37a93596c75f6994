/** A refusal as Cloud Storage words it; the server answers it in the JSON shape of Google's errors. */
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
