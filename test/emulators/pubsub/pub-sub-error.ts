import type { StatusName } from './status.ts';

/** A refusal in Pub/Sub's words, with the name of its gRPC status: https://cloud.google.com/pubsub/docs/reference/error-codes */
export class PubSubError extends Error {
  override readonly name = 'PubSubError';
  readonly status: StatusName;

  constructor(code: StatusName, message: string) {
    super(message);
    this.status = code;
  }
}

export const notFound = (resource: string) =>
  new PubSubError('NOT_FOUND', `Resource not found (resource=${resource}).`);
export const alreadyExists = (resource: string) =>
  new PubSubError('ALREADY_EXISTS', `Resource already exists in the project (resource=${resource}).`);
export const invalid = (message: string) => new PubSubError('INVALID_ARGUMENT', message);
/** Pub/Sub has this, the emulator does not. */
export const unsupported = (what: string) =>
  new PubSubError('UNIMPLEMENTED', `The Pub/Sub emulator does not support ${what}.`);
