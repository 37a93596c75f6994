import { fromGoogle } from './google-errors.ts';

/** The statuses of gRPC; the position of each is its code: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const GRPC_STATUSES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
const UNAUTHENTICATED = GRPC_STATUSES.indexOf('UNAUTHENTICATED');

/**
 * Why a REST call failed. `code` is what `codeOf` reads: the gRPC code of the status that Google names, which says more than the HTTP status
 * (400 is both INVALID_ARGUMENT and FAILED_PRECONDITION); else the HTTP status; else the code of the network's error. The error keeps neither
 * request nor answer, since both may hold values and secrets.
 */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly code: number | string | undefined;

  constructor(message: string, code?: number | string) {
    super(message);
    this.code = code;
  }
}

/** The error of an answer whose HTTP status is not a success. https://google.aip.dev/193#http11json-representation */
export function refusal(httpStatus: number, body: string): RestError {
  const { status, message } = errorOf(body);
  const code = GRPC_STATUSES.indexOf(String(status));
  return new RestError(
    typeof message === 'string' ? message : `HTTP status ${httpStatus}`,
    code > 0 ? code : httpStatus,
  );
}

/** The error of a call that got no complete answer. `fetch` throws a TypeError, whose cause has the code; without a cause it is a mistake of the caller. */
export function connectionFailure(error: unknown): unknown {
  if (error instanceof TypeError && error.cause === undefined) return error;
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  // The failure of all addresses of a host has a code, and no message.
  return new RestError(String(message || code || error), typeof code === 'string' ? code : undefined);
}

/**
 * The error of a call for which there was no token. The server of tokens answers by HTTP, too: its 404 is no missing resource of the call, but
 * a service account that does not exist.
 */
export function credentialsFailure(error: unknown): unknown {
  const { kind, message, context } = fromGoogle(error, 'no access token');
  if (kind === 'bug') return error;
  return new RestError(message, kind === 'transient' ? context.code : UNAUTHENTICATED);
}

function errorOf(body: string): { status?: unknown; message?: unknown } {
  const answer = parseJson(body) as { error?: unknown } | null | undefined;
  const error = answer?.error;
  return typeof error === 'object' && error !== null ? error : {};
}

/** Undefined for a text that is not JSON: the message of JSON.parse would quote it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
