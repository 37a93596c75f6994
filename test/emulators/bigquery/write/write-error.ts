import { type StatusObject, status } from '@grpc/grpc-js';
import { FaultError } from '../../faults.ts';
import { BigQueryError } from '../error.ts';

export type StatusName = keyof typeof status;

/** A refusal as the Write API answers it, by the name of its gRPC status. It ends the call. */
export class WriteError extends Error {
  override readonly name = 'WriteError';
  readonly status: StatusName;

  constructor(statusName: StatusName, message: string) {
    super(message);
    this.status = statusName;
  }
}

export const invalidArgument = (message: string) => new WriteError('INVALID_ARGUMENT', message);

/** Something that BigQuery has and the stand-in has not. */
export const unimplemented = (what: string) =>
  new WriteError('UNIMPLEMENTED', `The BigQuery stand-in does not support ${what}`);

/**
 * The status that a failed call ends with. gRPC has no way to break one call's connection, so a scripted drop is
 * what the client makes of a broken connection: UNAVAILABLE.
 */
export function serviceError(error: unknown): Partial<StatusObject> & Error {
  const details = error instanceof Error ? error.message : String(error);
  return Object.assign(new Error(details), { code: status[statusOf(error)], details });
}

/** @throws TypeError for a name that gRPC has no status of. */
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
