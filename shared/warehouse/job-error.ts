import { DataHubError } from '../errors.ts';
import { adviceForCause, kindOfJobError } from '../google/google-errors.ts';
import { withoutValues } from '../google/without-values.ts';
import type { JobSpec } from './job-spec.ts';

/** An ErrorProto of the REST resource of a job. */
export type JobError = { reason?: string; message?: string; location?: string };

/** The first error of a load may only say that there are more. */
const SHOWN_ERRORS = 4;

/**
 * Classifies the failure of a job by BigQuery's reason. `result` is the error that ended the job, and `errors` are all that it met. Returns the
 * error without values, and BigQuery's own message.
 */
export function jobFailure(
  result: JobError,
  errors: JobError[],
  { id, context, kinds }: Pick<JobSpec, 'id' | 'context' | 'kinds'>,
): { error: DataHubError; message: string } {
  const { reason, message = 'no message' } = result;
  const kind = isOutstanding(message) ? 'transient' : (kinds?.get(reason ?? '') ?? kindOfJobError(reason));
  const others = errors.filter((other) => other.message !== message);
  const shown = [withoutValues(message), ...others.map(describe)].slice(0, SHOWN_ERRORS);
  const error = new DataHubError(kind, `job ${id}: ${shown.join('; ')}`, {
    ...(isOutstanding(message) ? {} : adviceForCause(reason)),
    context: { ...context, ...(reason === undefined ? {} : { code: reason }) },
  });
  return { error, message };
}

/**
 * Whether too many statements wait for one table, of which BigQuery gives the reason that it also has for a statement that is too large:
 * https://cloud.google.com/bigquery/docs/troubleshoot-quotas
 */
const isOutstanding = (message: string): boolean => /too many DML statements outstanding/i.test(message);

/** For a load, the location of an error is the file. */
function describe({ message = 'no message', location = '' }: JobError): string {
  const shown = withoutValues(message);
  return location.startsWith('gs://') && !shown.includes(location) ? `${shown} File: ${location}` : shown;
}
