import { setTimeout as sleep } from 'node:timers/promises';
import type { BigQuery, Job } from '@google-cloud/bigquery';
import type { Deadline } from '../deadline.ts';
import { DataHubError, dispositionOf, type ErrorContext, type ErrorKind } from '../errors.ts';
import { codeOf, fromGoogle, kindOfJobError } from '../google/google-errors.ts';

/** A job to run: its id names its effect, so that asking for it twice runs it once (I5). */
export type JobSpec = {
  id: string;
  /** The `configuration` of the REST resource, without labels and time limit. */
  configuration: Record<string, unknown>;
  labels: Record<string, string>;
  context: ErrorContext;
  /** What a reason of BigQuery's means for this job, where that is not what it means elsewhere. */
  kinds?: Record<string, ErrorKind>;
};

/** The label by which a job that was found under a batch's name is known to be that batch's. */
export const TOKEN_LABEL = 'batch-token';

/** A name as the value of a label, which has lower case and 63 characters at most. */
export const labelValue = (name: string): string => name.toLowerCase().slice(0, 63);

type JobState =
  | { state: 'done'; job: Job }
  | { state: 'failed'; error: DataHubError; message: string }
  | { state: 'running' };

/** `wasThere`: the job was started before, by us or by whoever we follow. */
export type JobOutcome = JobState & { wasThere: boolean };

type JobError = { reason?: string; message?: string; location?: string };

/** A load's first error may only say that there are others. */
const TOLD_ERRORS = 4;
/** BigQuery stops a job after so long, whether or not anybody still waits for it. */
const JOB_TIMEOUT_MS = 3_600_000;
const JOB_TRIES = 3;
const PAGE_ROWS = 10_000;
const FIRST_POLL_MS = 50;
const LAST_POLL_MS = 2_000;

/** The parts of a job id that are allowed; names of ours need no more. */
export function jobId(...parts: (string | number | bigint)[]): string {
  return parts.join('_').replaceAll(/[^\w-]/g, '-');
}

/**
 * Starts the job, or finds it when it was started before, and waits for its end as long as the deadline allows. Safe to repeat. Throws
 * classified errors of the calls; the job's own failure is part of the outcome. Throws `batch_id_collision` when the job with this id
 * belongs to another batch: a restored or new control database issued the batch id twice.
 */
export async function runJob(bigquery: BigQuery, spec: JobSpec, deadline: Deadline): Promise<JobOutcome> {
  const { job, wasThere } = await submit(bigquery, spec);
  return { ...(await outcome(job, spec, deadline)), wasThere };
}

/**
 * Runs a job to its end, or as far as `deadline` allows. A try that failed for a reason that passes is followed by another under
 * a name of its own, which is only started when the one before is known to have failed: two tries never both succeed. Starts only
 * so many tries itself; those that failed before, whoever started them, leave it theirs. A right that was missing is looked for
 * again by the next call. Throws the last try's failure.
 */
export async function runJobWithRetries(
  bigquery: BigQuery,
  deadline: Deadline,
  specOf: (tries: number) => JobSpec,
): Promise<{ state: 'done'; id: string; job: Job } | { state: 'running' }> {
  let started = 0;
  for (let tries = 1; ; tries += 1) {
    const spec = specOf(tries);
    const outcome = await runJob(bigquery, spec, deadline);
    if (!outcome.wasThere) started += 1;
    if (outcome.state === 'done') return { state: 'done', id: spec.id, job: outcome.job };
    if (outcome.state === 'running') return { state: 'running' };
    const { error, wasThere } = outcome;
    if (dispositionOf(error) !== 'retry') throw error;
    if (!wasThere && (error.kind !== 'transient' || started === JOB_TRIES)) throw error;
  }
}

/** Like `runJobWithRetries`; throws `transient` for a job that outlives the deadline. */
export async function runJobToCompletion(
  bigquery: BigQuery,
  deadline: Deadline,
  specOf: (tries: number) => JobSpec,
): Promise<Job> {
  const outcome = await runJobWithRetries(bigquery, deadline, specOf);
  if (outcome.state === 'done') return outcome.job;
  const { id, context } = specOf(1);
  throw new DataHubError('transient', `job ${id} is still running`, { context });
}

/** The rows of a finished query job, 64-bit integers as text; `page` reads them page by page. */
export async function resultRows(job: Job, context: ErrorContext): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const page of resultPages(job, context)) rows.push(...page);
  return rows;
}

/** The rows of a finished query job in pages, so that any number of them needs the memory of a page. */
export async function* resultPages(
  job: Job,
  context: ErrorContext,
): AsyncGenerator<Record<string, unknown>[]> {
  let pageToken: string | undefined;
  do {
    const options = { wrapIntegers: true, autoPaginate: false, maxResults: PAGE_ROWS };
    const [rows, next] = await job
      .getQueryResults(pageToken === undefined ? options : { ...options, pageToken })
      .catch((error: unknown) => {
        throw fromGoogle(error, `results of job ${job.id}`, context);
      });
    yield (rows as Record<string, unknown>[]).map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, plain(cell)])),
    );
    pageToken = next?.pageToken;
  } while (pageToken !== undefined);
}

/** The client wraps integers, dates and times in objects that hold their text. */
const plain = (cell: unknown): unknown =>
  typeof cell === 'object' && cell !== null && 'value' in cell ? cell.value : cell;

async function submit(bigquery: BigQuery, spec: JobSpec): Promise<{ job: Job; wasThere: boolean }> {
  const given = labels(spec.labels);
  let wasThere = false;
  try {
    const [job] = await bigquery.createJob({
      jobId: spec.id,
      ...located(bigquery),
      configuration: { ...spec.configuration, labels: given, jobTimeoutMs: String(JOB_TIMEOUT_MS) },
    });
    return { job, wasThere: false };
  } catch (error) {
    // 409: the job of this id was started before. The client also throws, without a code, for a job that was made and has
    // failed already.
    if (codeOf(error) !== 409 && !hasJobErrors(error))
      throw fromGoogle(error, `job ${spec.id}`, spec.context);
    wasThere = codeOf(error) === 409;
  }
  const job = bigquery.job(spec.id, located(bigquery));
  const [metadata] = await job.getMetadata().catch((error: unknown) => {
    throw fromGoogle(error, `job ${spec.id}`, spec.context);
  });
  if (metadata.configuration?.labels?.[TOKEN_LABEL] === given[TOKEN_LABEL]) return { job, wasThere };
  throw new DataHubError('batch_id_collision', `job ${spec.id} was another batch's`, {
    context: spec.context,
  });
}

function hasJobErrors(error: unknown): boolean {
  return (
    codeOf(error) === undefined && error instanceof Error && 'errors' in error && Array.isArray(error.errors)
  );
}

async function outcome(
  job: Job,
  spec: Pick<JobSpec, 'id' | 'context' | 'kinds'>,
  deadline: Deadline,
): Promise<JobState> {
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(waitMs * 1.5, LAST_POLL_MS)) {
    const [metadata] = await job.getMetadata().catch((error: unknown) => {
      throw fromGoogle(error, `job ${spec.id}`, spec.context);
    });
    const status = metadata.status as { state: string; errorResult?: JobError; errors?: JobError[] };
    if (status.state === 'DONE') {
      if (status.errorResult === undefined) return { state: 'done', job };
      const { reason, message = 'no message' } = status.errorResult;
      const kind = spec.kinds?.[reason ?? ''] ?? kindOfJobError(reason);
      const others = (status.errors ?? []).filter((other) => other.message !== message);
      const told = [message, ...others.map(tell)].slice(0, TOLD_ERRORS);
      const error = new DataHubError(kind, `job ${spec.id}: ${told.join('; ')}`, {
        context: { ...spec.context, ...(reason === undefined ? {} : { code: reason }) },
      });
      return { state: 'failed', error, message };
    }
    if (deadline.remainingMs() < waitMs) return { state: 'running' };
    await sleep(waitMs);
  }
}

/** Of a load, where it happened is the file. */
const tell = ({ message = 'no message', location = '' }: JobError): string =>
  location.startsWith('gs://') && !message.includes(location) ? `${message} File: ${location}` : message;

const located = (bigquery: BigQuery) =>
  bigquery.location === undefined ? {} : { location: bigquery.location };

/** Label values hold lower-case letters, digits, dashes and underscores, at most 63. */
function labels(given: Record<string, string>): Record<string, string> {
  const written = Object.entries({ 'managed-by': 'smart-datahub', ...given });
  return Object.fromEntries(
    written.map(([name, value]) => [
      name,
      value
        .toLowerCase()
        .replaceAll(/[^a-z0-9_-]/g, '-')
        .slice(0, 63),
    ]),
  );
}
