/** Every way a step can fail. Closed: a new kind needs a row in DISPOSITION and in ADVICE. */
export type ErrorKind =
  | 'transient' // the network, a quota, a restart: the same call may succeed later
  | 'superseded' // another process holds the view or the batch now; nothing may be changed
  | 'unauthorized' // a password, a role or an IAM binding
  | 'environment' // the process was started with unusable environment variables
  | 'invalid_event' // an event that can never be carried out
  | 'configuration' // a view source that does not fit the source or the warehouse
  | 'source_refused' // the source cannot be captured exactly (design: capture, "Refused with advice")
  | 'bad_data' // a value, a key or a row that the target cannot hold exactly
  | 'schema_drift' // a temp or target table whose columns differ from the view's
  | 'staging_lost' // staged objects or rows that are gone
  | 'batch_id_collision' // an object or job of this batch's number is another batch's
  | 'merge_refused' // the procedure's guard refused rows or the whole batch
  | 'warehouse' // BigQuery refused a statement or a load for good
  | 'bug'; // everything unknown

/**
 * What becomes of the event whose handling failed:
 * `retry` answers with an error, so that Pub/Sub delivers again; `halt` records the error, stops the view and sets
 * the event aside; `dead_letter` records and sets aside, the view goes on; `stop` is no failure: somebody else goes on.
 */
export type Disposition = 'retry' | 'halt' | 'dead_letter' | 'stop';

export const DISPOSITION: Record<ErrorKind, Disposition> = {
  transient: 'retry',
  superseded: 'stop',
  unauthorized: 'retry',
  environment: 'retry',
  invalid_event: 'dead_letter',
  configuration: 'halt',
  source_refused: 'halt',
  bad_data: 'halt',
  schema_drift: 'halt',
  staging_lost: 'retry',
  batch_id_collision: 'retry',
  merge_refused: 'halt',
  warehouse: 'halt',
  bug: 'halt',
};

/** What an operator can do; an error may carry more exact advice of its own. */
export const ADVICE: Record<ErrorKind, string> = {
  transient: 'Nothing to do: it is tried again.',
  superseded: 'Nothing to do: another run goes on with this view.',
  unauthorized: 'Check the password, the role or the IAM binding that the message names.',
  environment: 'Correct the environment variables that the message names and deploy again.',
  invalid_event: 'Correct the payload and send it again.',
  configuration: 'Correct the view source or the object that the message names, then resume the view.',
  source_refused: 'Follow the message; a resync covers what the change log can no longer tell.',
  bad_data: 'Correct the row, or give the column a policy (null or string), then resume the view.',
  schema_drift: 'Bring the table and the view to the same columns, then resume the view.',
  staging_lost: 'Nothing to do: the rows are staged again.',
  batch_id_collision: 'Nothing to do: the rows are captured again under a higher number.',
  merge_refused: 'Look for a second control database that feeds this target, then resume the view.',
  warehouse: 'Correct what BigQuery names, then resume the view.',
  bug: 'Report it with the log lines around it; the view is stopped until it is understood.',
};

/** Where a failure happened; only names and numbers, never row values other than keys. */
export type ErrorContext = {
  view?: string;
  etlTransactionId?: bigint;
  column?: string;
  code?: string;
};

export class DataHubError extends Error {
  readonly kind: ErrorKind;
  readonly context: ErrorContext;
  readonly advice: string;
  /** Whether it was written to etl.etl_error already. */
  isRecorded = false;

  constructor(
    kind: ErrorKind,
    message: string,
    options: { context?: ErrorContext; advice?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DataHubError';
    this.kind = kind;
    this.context = options.context ?? {};
    this.advice = options.advice ?? ADVICE[kind];
  }

  /** The same failure, told with where it happened; what it already tells wins. */
  within(context: ErrorContext): DataHubError {
    return new DataHubError(this.kind, this.message, {
      context: { ...context, ...this.context },
      advice: this.advice,
      cause: this.cause ?? this,
    });
  }
}

/** Any thrown thing as one of ours; what was not classified at its edge is a bug. */
export function asDataHubError(error: unknown): DataHubError {
  if (error instanceof DataHubError) return error;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new DataHubError('bug', message, { cause: error });
}

export function dispositionOf(error: DataHubError): Disposition {
  return DISPOSITION[error.kind];
}

const NETWORK_CODES = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Whether an error says that a connection could not be made or was lost: by its code, or since it came from a system call. */
export function isNetworkError(error: unknown): boolean {
  const { code, syscall, name } = (error ?? {}) as { code?: unknown; syscall?: unknown; name?: unknown };
  return (
    typeof syscall === 'string' ||
    NETWORK_CODES.has(String(code)) ||
    name === 'TimeoutError' ||
    name === 'AbortError'
  );
}

/** A TypeError and its kin are bugs of ours, wherever they surface. */
export function isProgrammingError(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}
