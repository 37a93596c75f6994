import { FaultError } from '../faults.ts';
import { PubSubError } from './pub-sub-error.ts';

/** The HTTP status of each gRPC status: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const HTTP_STATUSES = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  UNKNOWN: 500,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const;

export type StatusName = keyof typeof HTTP_STATUSES;

export const httpStatusOf = (name: StatusName): number => HTTP_STATUSES[name];

const isName = (status: string): status is StatusName => Object.hasOwn(HTTP_STATUSES, status);

/**
 * The status that answers a failed call. A call may come by gRPC or by HTTP, so a scripted status may be the name or the number; of the names
 * that share a number, it is the first one above. A scripted drop is UNAVAILABLE, which a client of gRPC reports for a broken connection.
 * @throws TypeError for a status without a name.
 */
export function statusOf(error: unknown): StatusName {
  if (error instanceof PubSubError) return error.status;
  if (!(error instanceof FaultError)) return 'INTERNAL';
  if (error.answer.kind === 'drop') return 'UNAVAILABLE';
  const { status } = error.answer;
  if (typeof status === 'string' && isName(status)) return status;
  const found = Object.entries(HTTP_STATUSES).find(([, number]) => number === status);
  if (found === undefined) throw new TypeError(`Pub/Sub answers no status ${status}`);
  return found[0] as StatusName;
}
