/** Every way a step can fail. The list is closed: a new kind needs a row in DISPOSITION and in ADVICE. */
export type ErrorKind =
  | 'transient' // the network, a quota, a restart: the same call may succeed later
  | 'superseded' // another process holds the view or the batch now; this one must change nothing
  | 'unauthorized' // a wrong password, a missing role or a missing IAM binding
  | 'environment' // the process was started with unusable environment variables
  | 'invalid_event' // an event that can never be handled
  | 'configuration' // a view source that does not fit the source or the warehouse
  | 'source_refused' // the source cannot be captured exactly (docs/architecture.md#capture)
  | 'bad_data' // a value, a key or a row that the target cannot hold exactly
  | 'schema_drift' // the columns of a temp or target table differ from the view's
  | 'staging_lost' // staged objects or rows are gone
  | 'batch_id_collision' // an object or job with this batch's id belongs to another batch
  | 'merge_refused' // the procedure's guard refused rows or the whole batch
  | 'warehouse' // BigQuery refused a statement or a load permanently
  | 'bug'; // everything unknown

/**
 * What happens to an event whose handling failed. `retry` answers with an error, so that Pub/Sub delivers it again. `halt`
 * records the error, stops the view and dead-letters the event. `dead_letter` records the error and dead-letters the event; the
 * view keeps running. `stop` is not a failure: another process has taken over.
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

/** All kinds. */
export const ERROR_KINDS = Object.keys(DISPOSITION) as ErrorKind[];

/** The last sentence of an advice after which nothing needs to be sent: Pub/Sub delivers the event again, and every tick begins anew. */
export const RETRIED = 'The functions retry by themselves.';

/** What an operator can do about each kind. An error whose cause needs something else carries advice of its own. */
export const ADVICE: Record<ErrorKind, string> = {
  transient: 'Nothing to do: it will be retried.',
  superseded: 'Nothing to do: another run has taken over this view.',
  unauthorized: `Correct the password, the role or the IAM binding that the message names. ${RETRIED}`,
  environment: `Correct the environment variables that the message names and deploy again. ${RETRIED}`,
  invalid_event: 'Correct the payload and send it again.',
  configuration:
    'Correct the object that the message names, or the view source, and import that again. Then resume the view.',
  source_refused: 'Follow the message. A resync covers what the change log no longer shows.',
  bad_data:
    'Correct the row, or the expression of the view that fails on it. Then redrive the view: the row is captured again.',
  schema_drift: 'Give the table and the view the same columns, then resume the view.',
  staging_lost: 'Nothing to do: the rows will be staged again.',
  batch_id_collision: 'Nothing to do: the changes will be captured again under a higher batch id.',
  merge_refused: 'Find out what else writes to the target, then redrive the view.',
  warehouse:
    'BigQuery refuses what the functions ask for. If somebody changed the table, the right or the setting that the message names, undo that. Then redrive the view: that also makes its procedure and its reporting view again. If it fails again, report it with the message.',
  bug: 'Report it with the log lines around it. The view stays halted until someone resumes it.',
};

/** What a caller by hand reads instead of `ADVICE.transient` and the like: only Pub/Sub sends an event again. */
const ADVICE_BY_HAND = {
  operation: 'Nothing was changed. Call again.',
  extract: 'Nothing was changed in the target. Call again, or wait for the next tick.',
  apply: 'Call again: what is applied already is not applied twice. Or wait for the next tick.',
  page: 'Nothing was changed. Try again in a moment.',
} as const;

/**
 * The advice of a failure for a caller by hand, whose call nobody repeats. What an advice says after "Nothing to do: …" stays. The next tick
 * extracts and applies, but repeats no operation.
 */
export function adviceByHand({ advice, kind }: DataHubError, call: keyof typeof ADVICE_BY_HAND): string {
  const promise = ADVICE[kind];
  const isPromised = DISPOSITION[kind] === 'retry' && promise.startsWith('Nothing to do');
  const said =
    isPromised && advice.startsWith(promise)
      ? `${ADVICE_BY_HAND[call]}${advice.slice(promise.length)}`
      : advice;
  return call === 'operation' ? said.replaceAll(RETRIED, 'Then call again.') : said;
}

/** Where a failure happened: names and ids only, never row values other than keys. */
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

  /** The same failure with other advice. */
  withAdvice(advice: string): DataHubError {
    return this.#copy({ advice, context: this.context });
  }

  /** The same failure with more context; what the error already carries wins. */
  withContext(context: ErrorContext): DataHubError {
    return this.#copy({ advice: this.advice, context: { ...context, ...this.context } });
  }

  /** A copy with the stack of where the failure was noticed. */
  #copy(changed: { advice: string; context: ErrorContext }): DataHubError {
    const copy = new DataHubError(this.kind, this.message, { ...changed, cause: this.cause ?? this });
    copy.stack = this.stack ?? '';
    return copy;
  }
}

/** Turns anything that was thrown into a DataHubError. An error that no client wrapper has classified is a bug. */
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

/** Whether a connection could not be made or was lost, judged by the error's code or by the system call that it comes from. */
export function isNetworkError(error: unknown): boolean {
  const { code, syscall, name } = (error ?? {}) as { code?: unknown; syscall?: unknown; name?: unknown };
  return (
    typeof syscall === 'string' ||
    NETWORK_CODES.has(String(code)) ||
    name === 'TimeoutError' ||
    name === 'AbortError'
  );
}

/** A TypeError, ReferenceError, RangeError or SyntaxError is our bug, wherever it surfaces. */
export function isProgrammingError(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}
