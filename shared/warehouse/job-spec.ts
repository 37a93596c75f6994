import type { ErrorContext, ErrorKind } from '../errors.ts';

/** A job to run. Its id names its effect, so that submitting it twice runs it once (I5). */
export type JobSpec = {
  id: string;
  /** The `configuration` of the REST resource, without labels and job time-out. */
  configuration: Record<string, unknown>;
  labels: Record<string, string>;
  context: ErrorContext;
  /** The error kinds of BigQuery's reasons that mean something special for this job. */
  kinds?: ReadonlyMap<string, ErrorKind>;
};

/** The label that tells whether a job with the expected id belongs to this batch. */
export const TOKEN_LABEL = 'batch-token';

/** The labels of a job. A value may have at most 63 lower-case letters, digits, dashes and underscores: others become dashes. */
export function jobLabels(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ 'managed-by': 'smart-datahub', ...values }).map(([name, value]) => [
      name,
      value
        .toLowerCase()
        .replaceAll(/[^a-z0-9_-]/g, '-')
        .slice(0, 63),
    ]),
  );
}
