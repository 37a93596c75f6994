import {
  ADVICE,
  DataHubError,
  type ErrorContext,
  type ErrorKind,
  isNetworkError,
  isProgrammingError,
  RETRIED,
} from '../errors.ts';
import { NoAnswer } from './no-answer.ts';
import { withoutValues } from './without-values.ts';

// BigQuery's error reasons, https://cloud.google.com/bigquery/docs/error-messages
const BY_REASON: ReadonlyMap<string, ErrorKind> = new Map(
  Object.entries<ErrorKind>({
    accessDenied: 'unauthorized',
    backendError: 'transient',
    duplicate: 'transient', // for a statement: a concurrent one created the same object
    internalError: 'transient',
    jobBackendError: 'transient',
    jobInternalError: 'transient',
    jobRateLimitExceeded: 'transient',
    quotaExceeded: 'transient',
    rateLimitExceeded: 'transient',
    resourcesExceeded: 'warehouse',
    stopped: 'transient',
    tableUnavailable: 'transient',
    timeout: 'transient',
  }),
);

const NOT_FOUND_ADVICE =
  'Create what the message names: terraform apply creates datasets, bucket and topics; a resync creates the tables of a view. Then redrive the view.';

// The status codes of gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html) and of HTTP, whose ranges do not overlap.
const BY_CODE: Record<number, ErrorKind> = {
  1: 'transient', // CANCELLED
  2: 'transient', // UNKNOWN
  3: 'warehouse', // INVALID_ARGUMENT
  4: 'transient', // DEADLINE_EXCEEDED
  5: 'configuration', // NOT_FOUND
  7: 'unauthorized', // PERMISSION_DENIED
  8: 'transient', // RESOURCE_EXHAUSTED
  9: 'warehouse', // FAILED_PRECONDITION
  10: 'transient', // ABORTED
  13: 'transient', // INTERNAL
  14: 'transient', // UNAVAILABLE
  16: 'unauthorized', // UNAUTHENTICATED
  401: 'unauthorized',
  403: 'unauthorized',
  400: 'warehouse',
  404: 'configuration',
  408: 'transient',
  409: 'transient', // of Cloud Storage: another request changes the same object or bucket
  429: 'transient',
};

const DENIED_ADVICE = `Give the service account of the function the role that the message names (terraform apply does). ${RETRIED}`;
const CREDENTIALS_ADVICE = `Check the credentials that the function runs with: its service account must exist and be enabled. ${RETRIED}`;

/** What helps against causes that share an error kind with others, by reason or code. */
const ADVICE_BY_CAUSE: ReadonlyMap<string, string> = new Map([
  ['accessDenied', DENIED_ADVICE],
  ['403', DENIED_ADVICE],
  ['7', DENIED_ADVICE],
  ['401', CREDENTIALS_ADVICE],
  ['16', CREDENTIALS_ADVICE],
  ['billingNotEnabled', `Link the project to a billing account that is open. ${RETRIED}`],
  ['notFound', NOT_FOUND_ADVICE],
  ['404', NOT_FOUND_ADVICE],
  ['5', NOT_FOUND_ADVICE],
  [
    'resourcesExceeded',
    'BigQuery ran out of resources for one statement. Lower MAX_BATCH_LOG_ROWS and deploy again, or import the view with larger partitions (partition_granularity). Then redrive the view.',
  ],
  [
    'bytesBilledLimitExceeded',
    'Raise max_check_bytes of the view source, import it and check the view again; or check its keys only, with "mode": "keys".',
  ],
  [
    'quotaExceeded',
    `${ADVICE.transient} If it lasts: raise the quota that the message names, or tick less often.`,
  ],
]);

/** Returns the advice for a cause that has its own: the first of these reasons and codes that is known. */
export function adviceForCause(...causes: (string | number | false | undefined)[]): { advice?: string } {
  const [advice] = causes.flatMap((cause) => ADVICE_BY_CAUSE.get(String(cause)) ?? []);
  return advice === undefined ? {} : { advice };
}

/** Classifies an error of a Google client by its code and reason. `what` begins the message, for example "job x". A DataHubError names it already, except `NoAnswer`. */
export function fromGoogle(error: unknown, what: string, context: ErrorContext = {}): DataHubError {
  if (error instanceof NoAnswer)
    return new DataHubError(error.kind, `${what}: ${error.message}`, { cause: error, context });
  if (error instanceof DataHubError) return error;
  // A SyntaxError comes from a truncated body, since the clients parse nothing of ours.
  if (isProgrammingError(error) && !(error instanceof SyntaxError))
    return new DataHubError('bug', `${what}: ${String(error)}`, { cause: error, context });
  const code = codeOf(error);
  const reason = reasonOf(error);
  const byReason = reason === undefined ? undefined : BY_REASON.get(reason);
  const kind = byReason ?? (isNetworkError(error) ? 'transient' : kindOfCode(code));
  const message = error instanceof Error ? error.message : String(error);
  return new DataHubError(kind, `${what}: ${withoutValues(message)}`, {
    cause: error,
    // A reason that makes a failure pass says more than its code: 403 is also that of a rate limit.
    ...(byReason === undefined ? adviceForCause(reason, code) : adviceForCause(reason)),
    context: {
      ...context,
      ...(reason === undefined && code === undefined ? {} : { code: String(reason ?? code) }),
    },
  });
}

/** Returns the error kind of a job that failed with this reason. */
export function kindOfJobError(reason: string | undefined): ErrorKind {
  return (reason === undefined ? undefined : BY_REASON.get(reason)) ?? 'warehouse';
}

/** Returns the HTTP, gRPC or network code of a Google client's error. */
export function codeOf(error: unknown): number | string | undefined {
  const holder = error as { code?: unknown; status?: unknown } | null | undefined;
  const code = holder?.code ?? holder?.status;
  if (typeof code === 'number') return code;
  if (typeof code !== 'string') return undefined;
  return /^\d+$/.test(code) ? Number(code) : code;
}

function reasonOf(error: unknown): string | undefined {
  const errors = (error as { errors?: { reason?: unknown }[] } | null | undefined)?.errors;
  const reason = Array.isArray(errors) ? errors[0]?.reason : undefined;
  return typeof reason === 'string' ? reason : undefined;
}

function kindOfCode(code: number | string | undefined): ErrorKind {
  // A refusal by the service has a numeric code. An error without one happened before that: no credentials yet, or a broken body.
  if (typeof code !== 'number') return 'transient';
  return BY_CODE[code] ?? (code >= 500 ? 'transient' : 'bug');
}
