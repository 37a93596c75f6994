/** The HTTP status for each reason: https://cloud.google.com/bigquery/docs/error-messages */
const STATUS_OF_REASON: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    accessDenied: 403,
    backendError: 503,
    bytesBilledLimitExceeded: 400,
    duplicate: 409,
    internalError: 500,
    invalid: 400,
    invalidQuery: 400,
    jobBackendError: 400,
    jobInternalError: 400,
    jobRateLimitExceeded: 400,
    notFound: 404,
    notImplemented: 501,
    quotaExceeded: 403,
    rateLimitExceeded: 403,
    resourceInUse: 400,
    resourcesExceeded: 400,
    stopped: 200,
  }),
);

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
};

/** An error of a job: https://cloud.google.com/bigquery/docs/reference/rest/v2/ErrorProto */
export interface ErrorProto {
  readonly reason: string;
  readonly message: string;
  readonly location?: string;
}

/** A refusal in BigQuery's words: the answer to a request, or the `errorResult` of a job. */
export class BigQueryError extends Error {
  override readonly name = 'BigQueryError';
  readonly reason: string;
  /** What the error is about: a file of a load job, or `query`. */
  readonly location: string | undefined;
  /** The further `errors` of a job, beside its `errorResult`. */
  readonly details: readonly ErrorProto[];

  constructor(reason: string, message: string, location?: string, details: readonly ErrorProto[] = []) {
    super(message);
    this.reason = reason;
    this.location = location;
    this.details = details;
  }

  get status(): number {
    return STATUS_OF_REASON.get(this.reason) ?? 400;
  }

  toProto(): ErrorProto {
    const { reason, message, location } = this;
    return { reason, message, ...(location !== undefined && { location }) };
  }
}

export const invalid = (message: string) => new BigQueryError('invalid', message);
export const invalidQuery = (message: string) => new BigQueryError('invalidQuery', message, 'query');
export const notFound = (message: string) => new BigQueryError('notFound', message);
export const duplicate = (message: string) => new BigQueryError('duplicate', message);

/** BigQuery has this, the emulator does not: an error is better than a wrong answer. */
export const unsupported = (what: string) => invalidQuery(`The BigQuery emulator does not support ${what}`);

/** The JSON body of a failed request. */
export function errorBody(status: number, reason: string, message: string, location?: string) {
  return {
    error: {
      code: status,
      message,
      errors: [{ message, domain: 'global', reason, ...(location !== undefined && { location }) }],
      status: STATUS_NAMES[status] ?? 'UNKNOWN',
    },
  };
}
